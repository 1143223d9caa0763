"""Looks every minute how far the departments on Kafka have read: who does not read is deaf, and nobody else would say so.

Runs in the worker that holds the lease `readers`. Departments that work on the inbox page alone are not watched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from services.dispatch.domain.readers import Reading
from shared.clock import Clock
from shared.contracts.topics import DEPARTMENT, dispatch_topic
from shared.kafka.unread import NotTold, Unread
from shared.mongo.client import DatabaseError
from shared.mongo.lease import RENEW_SECONDS, Lease

log = structlog.get_logger(__name__)

LOOK = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
"""By how much the clocks of two of our processes may differ."""

Ask = Callable[[Mapping[str, str], datetime], Awaitable[Mapping[str, Unread]]]
"""See `shared.kafka.unread.unread`. Raises `NotTold`."""


class Readings(Protocol):
    """What is known. All of it raises what the driver raises."""

    async def told_before(self, department: str, moment: datetime) -> datetime: ...
    async def keep(self, reading: Reading) -> None: ...


class Shown(Protocol):
    """What is shown, by department."""

    def unread(self, department: str, messages: int, seconds: float) -> None: ...
    def stand_by(self) -> None:
        """Another process looks now, or nobody can."""
        ...


class Readers:
    """`look()` asks once; `run()` repeats it while this worker has the lease."""

    def __init__(
        self, departments: Iterable[str], ask: Ask, readings: Readings, lease: Lease, clock: Clock, shown: Shown
    ) -> None:
        self._topics = {dispatch_topic(code).name: code for code in sorted(departments)}
        self._ask = ask
        self._readings = readings
        self._lease = lease
        self._clock = clock
        self._shown = shown

    async def run(self) -> None:
        """Until cancelled; whatever is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hold())
            tasks.create_task(self._look_on())

    async def _hold(self) -> None:
        while True:
            try:
                if self._lease.due() and not await self._lease.try_hold():
                    self._shown.stand_by()
            except DatabaseError as error:
                log.info("the look at departments waits for the database", error=repr(error)[:200])
            await asyncio.sleep(RENEW_SECONDS / 3)

    async def _look_on(self) -> None:
        while True:
            held = self._lease.safe()
            if held:
                await self._try_look()
            await asyncio.sleep(LOOK.total_seconds() if held else 1.0)

    async def _try_look(self) -> None:
        try:
            await self.look()
        except NotTold as error:
            self._shown.stand_by()  # what was seen last is not what is: ProcessDown and OutboxStuck speak of Kafka itself
            log.warning("the brokers do not say how far departments have read", error=str(error))
        except DatabaseError as error:
            log.info("the look at departments waits for the database", error=repr(error)[:200])
        except Exception as error:  # noqa: BLE001 - who only looks must not end the worker
            self._shown.stand_by()
            log.warning("the look at departments failed", error=repr(error)[:300])

    async def look(self) -> None:
        """Ask for all departments, show and keep what is found."""
        began = self._clock()
        prefixes = {topic: f"{DEPARTMENT}{code}." for topic, code in self._topics.items()}
        found = await self._ask(prefixes, began)
        for topic, unread in found.items():
            reading = await self._reading(self._topics[topic], unread, began)
            waiting = (began - unread.since).total_seconds() if unread.since else 0.0
            self._shown.unread(reading.department, unread.messages, max(waiting, 0.0))
            await self._readings.keep(reading)

    async def _reading(self, department: str, unread: Unread, began: datetime) -> Reading:
        until = await self._readings.told_before(department, (unread.since or began) - SKEW)
        return Reading(department, unread.messages, unread.since, until, began)
