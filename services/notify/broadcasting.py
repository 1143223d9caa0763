"""Carries notices out when they are due: riders are looked up then, not when the notice was written.

Runs in the worker that holds the lease `broadcasts`. What was begun by a process that died is carried on by the next: inboxes
that have it are passed over.
"""

import asyncio
from datetime import datetime
from typing import Protocol

import structlog

from services.notify.broadcasts import PART, BeginBroadcast, EndBroadcast, PutPart
from services.notify.domain.broadcast import RIDERS, Broadcast
from services.notify.domain.case import rider_audience
from services.notify.ports import Books, Kept
from shared.clock import Clock
from shared.crash import crash_point
from shared.errors import Unavailable
from shared.mongo.client import DatabaseError
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0


class Due(Protocol):
    """What is to go out, and to whom. All of it raises what the driver raises."""

    async def due(self, now: datetime) -> list[Broadcast]:
        """Notices whose time has come, and those that were begun."""
        ...

    async def riders(self, subdistrict: str, of: str) -> list[str]:
        """Riders (trainees too) of a community, a squad or the sub-district, in the same order each time."""
        ...


class Broadcasting:
    """`step()` carries out what is due; `run()` repeats it under the lease."""

    def __init__(
        self,
        lane: Lane,
        broadcasts: Kept[Broadcast],
        books: Books,
        due: Due,
        lease: Lease,
        clock: Clock,
        reference_version: str,
    ) -> None:
        self._lane, self._broadcasts, self._books, self._due = lane, broadcasts, books, due
        self._lease, self._clock, self._version = lease, clock, reference_version

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                await self.step()
            except (DatabaseError, Unavailable) as error:
                log.info("notices wait for the database", error=repr(error)[:200])
            await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> None:
        """Everything that is due, for as long as the lease is safe."""
        if not self._lease.safe():
            return
        for found in await self._due.due(self._clock()):
            to = tuple(await everybody(self._due, found))
            begun = await self._lane.submit(BeginBroadcast(self._broadcasts, found.id, to))
            if begun is not None:
                await self._send(begun)

    async def _send(self, broadcast: Broadcast) -> None:
        for part, start in enumerate(range(0, len(broadcast.to), PART)):
            if not self._lease.safe():
                return
            some = broadcast.to[start : start + PART]
            await self._lane.submit(PutPart(self._books, broadcast, part, some, self._version))
            crash_point("broadcast.after_part")
        await self._lane.submit(EndBroadcast(self._broadcasts, broadcast.id))


async def everybody(due: Due, broadcast: Broadcast) -> list[str]:
    """Every inbox that a notice goes to, each once."""
    found: list[str] = []
    for target in broadcast.targets:
        if target.startswith(RIDERS):
            riders = await due.riders(broadcast.subdistrict, target.removeprefix(RIDERS))
            found += map(rider_audience, riders)
        else:
            found.append(target)
    return list(dict.fromkeys(found))
