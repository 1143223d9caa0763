"""Sends what waits: each line by itself, so that a dead one delays nobody, and never more than it bears.

Runs in the worker that holds the lease `deliveries`. What is under way is written down before the call and again after it:
who takes over finds the calls of the last minute, and what a dead process had in its hands.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from services.notify.domain.channel import Endpoint, Kind, Outcome, Parcel, Sent, Unknown
from services.notify.domain.delivery import (
    PASSING,
    TOO_OLD,
    Delivery,
    Line,
    State,
    after_call,
    found_sending,
    skipped,
    told,
)
from services.notify.domain.pace import choose, recent, wrap
from services.notify.ports import Channel
from shared.clock import Clock
from shared.crash import crash_point
from shared.mongo.client import DatabaseError
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
LONGEST_CALL_SECONDS = 20.0
MOST_UNDER_WAY = 10_000


class Shelf(Protocol):
    """What waits and what became of it. All of it raises what the driver raises."""

    async def lines(self, now: datetime) -> list[str]:
        """Lines for which something is due."""
        ...

    async def line(self, line: str) -> Line: ...

    async def waiting(self, line: str, now: datetime) -> list[Delivery]:
        """What is due, urgent first, then the oldest; a few hundred at most."""
        ...

    async def begin(self, line: Line, deliveries: Sequence[Delivery], parcel: str) -> None:
        """The call counts from now on, whatever becomes of it."""
        ...

    async def end(self, deliveries: Sequence[Delivery]) -> None:
        """Each as it now is."""
        ...

    async def keep_line(self, line: Line) -> None: ...

    async def sending(self, limit: int) -> list[Delivery]:
        """What is under way, here or with a process that died."""
        ...

    async def finished(self, incidents: Sequence[str]) -> set[str]:
        """Those of these incidents that are over."""
        ...


class Doors(Protocol):
    """Where an endpoint is."""

    async def endpoint(self, delivery: Delivery) -> Endpoint | None:
        """None: there is none any more (the robot was removed, the rider took his address back)."""
        ...


class Tally(Protocol):
    """What is counted."""

    def ended(self, delivery: Delivery) -> None: ...
    def called(self, channel: Kind, outcome: str) -> None: ...
    def stands(self, line: str, *, resting: bool, full: bool) -> None: ...


class Sending:
    """`step()` serves every line that has something due; `run()` repeats it under the lease."""

    def __init__(
        self,
        shelf: Shelf,
        doors: Doors,
        channels: Mapping[Kind, Channel],
        lease: Lease,
        clock: Clock,
        tally: Tally,
        quiet: Callable[[str, datetime], datetime | None],
        origin: str,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`quiet(subdistrict, now)`: until when its nights are to be left alone, None by day."""
        self._shelf, self._doors, self._channels = shelf, doors, channels
        self._lease, self._clock, self._tally = lease, clock, tally
        self._quiet, self._origin, self._jitter = quiet, origin, jitter
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._flying: set[str] = set()
        self._held = False

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for. A line that hangs is left alone, the others go on."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    if await self._mine():
                        for line in await self._shelf.lines(self._clock()):
                            if line not in self._busy:
                                task = self._busy[line] = tasks.create_task(self._alone(line))
                                task.add_done_callback(lambda _, line=line: self._busy.pop(line, None))  # type: ignore[misc]
                except DatabaseError as error:
                    self._held = False
                    log.info("deliveries wait for the database", error=repr(error)[:200])
                await asyncio.sleep(POLL_SECONDS)

    async def _mine(self) -> bool:
        """Whether this process sends; whoever begins looks first for what the one before had under way."""
        if self._lease.due():
            await self._lease.try_hold()
        safe = self._lease.safe()
        if safe and not self._held:
            await self.recover()
        self._held = safe
        return safe

    async def recover(self) -> None:
        """Decide about what is marked as under way and is not: see `found_sending`."""
        now = self._clock()
        found = [one for one in await self._shelf.sending(MOST_UNDER_WAY) if one.id not in self._flying]
        await self._end([found_sending(one, now) for one in found])

    async def step(self) -> int:
        """Every line with something due, side by side. Returns how many calls were made."""
        lines = await self._shelf.lines(self._clock())
        return sum(await asyncio.gather(*(self.serve(line) for line in lines)))

    async def _alone(self, line: str) -> None:
        """One line; what goes wrong here is nobody else's."""
        try:
            await self.serve(line)
        except DatabaseError as error:
            self._held = False  # what it had under way is decided about once the database is back
            log.info("a line waits for the database", line=line, error=repr(error)[:200])
        except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
            log.warning("a line failed", line=line, error=repr(error)[:300])

    async def serve(self, name: str) -> int:
        """Send what this line may send now. Returns how many calls were made."""
        calls = 0
        while self._lease.safe():
            now = self._clock()
            line = recent(await self._shelf.line(name), now)
            waiting = await self._sifted(await self._shelf.waiting(name, now), now)
            endpoint = await self._endpoint(waiting, now)
            batch = choose(waiting, line, endpoint.limits, now) if endpoint else ()
            if not endpoint or not batch:
                resting = line.blocked_until is not None and line.blocked_until > now
                self._tally.stands(name, resting=resting, full=bool(waiting) and not resting)
                return calls
            await self._call(line, endpoint, batch)
            calls += 1
        return calls

    async def _sifted(self, waiting: list[Delivery], now: datetime) -> list[Delivery]:
        """Without what has become pointless, is too old, or must not wake anybody at this hour."""
        passing = {one.incident for one in waiting if one.incident and one.template in PASSING}
        over = await self._shelf.finished(sorted(passing)) if passing else set()
        left, changed = [], []
        for one in waiting:
            until = None if one.urgent else self._quiet(one.subdistrict, now)
            if one.template in PASSING and one.incident in over:
                changed.append(skipped(one, "finished", now))
            elif now - one.stored > TOO_OLD:
                late = skipped(one, "too_old", now)
                changed.append(replace(late, state=State.FAILED) if one.urgent else late)
            elif until is not None:
                changed.append(replace(one, due=until))
            else:
                left.append(one)
        await self._end(changed)
        return left

    async def _endpoint(self, waiting: list[Delivery], now: datetime) -> Endpoint | None:
        """Of the first that has one; those in front of it without one are skipped."""
        while waiting:
            found = await self._doors.endpoint(waiting[0])
            if found is not None and found.channel in self._channels:
                return found
            await self._end([skipped(waiting.pop(0), "no_address" if found is None else "no_channel", now)])
        return None

    async def _call(self, line: Line, endpoint: Endpoint, batch: tuple[Delivery, ...]) -> None:
        now, parcel = self._clock(), wrap(batch, self._origin)
        line = replace(line, calls=(*line.calls, now))
        flying = {one.id for one in batch}
        self._flying |= flying
        try:
            await self._shelf.begin(line, batch, parcel.key)
            crash_point("delivery.before_call")
            outcome = await self._send(endpoint, parcel)
            crash_point("delivery.after_call")
            done = self._clock()
            self._tally.called(endpoint.channel, type(outcome).__name__.lower())
            await self._end([told(replace(one, parcel=parcel.key), outcome, done, self._jitter()) for one in batch])
            await self._shelf.keep_line(after_call(line, outcome, done))
        finally:
            self._flying -= flying
        if not isinstance(outcome, Sent):
            log.warning("a delivery did not get through", line=line.id, code=outcome.code, messages=len(batch))

    async def _send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        try:
            async with asyncio.timeout(LONGEST_CALL_SECONDS):
                return await self._channels[endpoint.channel].send(endpoint, parcel)
        except TimeoutError:
            return Unknown("timeout")
        except Exception as error:  # noqa: BLE001 - a channel's mistake must not end its line
            log.error("a channel failed", channel=endpoint.channel.value, error=repr(error)[:300])
            return Unknown("error")

    async def _end(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            await self._shelf.end(deliveries)
        for one in deliveries:
            if one.ended is not None:
                self._tally.ended(one)
