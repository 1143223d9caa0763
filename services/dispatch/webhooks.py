"""Sends what departments are told to their webhooks: in order per work order, at least once, for as long as it takes.

Runs in the worker that holds the lease `webhooks`. Each department has a task of its own, so a dead one delays nobody else.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import structlog

from services.dispatch.domain.webhooks import Delivery, Hook, delay
from shared.clock import Clock
from shared.mongo.client import DatabaseError
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
AT_ONCE = 4
"""Requests to one department at a time."""


class Undelivered(Exception):
    """It did not arrive, or nobody said that it did. The text is for operators and repeats nothing of the message."""


class Post(Protocol):
    """The way out."""

    async def post(self, hook: Hook, body: bytes, at: datetime) -> None:
        """Return once the department has taken it. Raises `Undelivered` for everything else."""
        ...


class Deliveries(Protocol):
    """What has to arrive. All of it raises what the driver raises."""

    async def collect(self, department: str, now: datetime) -> int:
        """Take over what the department was told since the last time. Returns how many."""
        ...

    async def due(self, department: str, now: datetime) -> list[Delivery]:
        """Of each line the first that has not arrived, if its time has come; those that wait longest first."""
        ...

    async def arrived(self, delivery: Delivery, now: datetime) -> None: ...

    async def failed(self, delivery: Delivery, due: datetime, reason: str) -> None:
        """Try it again at `due`."""
        ...

    async def waiting(self, department: str) -> tuple[int, datetime | None]:
        """How many have not arrived, and when the oldest of them began to wait."""
        ...


class Counts(Protocol):
    """What is counted, by department."""

    def attempt(self, department: str, outcome: str) -> None: ...
    def waiting(self, department: str, deliveries: int, oldest_seconds: float) -> None: ...
    def stand_by(self) -> None:
        """Another process does it now."""
        ...


class Webhooks:
    """`step(hook)` does what is due for one department; `run()` repeats it for all of them under the lease."""

    def __init__(
        self,
        hooks: Iterable[Hook],
        deliveries: Deliveries,
        post: Post,
        lease: Lease,
        clock: Clock,
        counts: Counts,
    ) -> None:
        self._hooks = tuple(hooks)
        self._deliveries = deliveries
        self._post = post
        self._lease = lease
        self._clock = clock
        self._counts = counts

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hold())
            for hook in self._hooks:
                tasks.create_task(self._serve(hook))

    async def _hold(self) -> None:
        while True:
            try:
                if self._lease.due() and not await self._lease.try_hold():
                    self._counts.stand_by()
            except DatabaseError as error:
                log.info("webhooks wait for the database", error=repr(error)[:200])
            await asyncio.sleep(POLL_SECONDS)

    async def _serve(self, hook: Hook) -> None:
        while True:
            tried = 0
            try:
                if self._lease.safe():
                    tried = await self.step(hook)
            except DatabaseError as error:
                log.info("a webhook waits for the database", department=hook.department, error=repr(error)[:200])
            except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
                log.warning("a webhook failed", department=hook.department, error=repr(error)[:300])
                tried = 0
            if tried == 0:
                await asyncio.sleep(POLL_SECONDS)

    async def step(self, hook: Hook) -> int:
        """Take over what is new and try what is due, one message of each work order. Returns how many were tried."""
        now = self._clock()
        await self._deliveries.collect(hook.department, now)
        found = await self._deliveries.due(hook.department, now)
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._try(hook, delivery, gate) for delivery in found))
        count, since = await self._deliveries.waiting(hook.department)
        oldest = (self._clock() - since).total_seconds() if since else 0.0
        self._counts.waiting(hook.department, count, oldest)
        return len(found)

    async def _try(self, hook: Hook, delivery: Delivery, gate: asyncio.Semaphore) -> None:
        async with gate:
            if not self._lease.safe():
                return
            try:
                await self._post.post(hook, delivery.body, self._clock())
            except Undelivered as error:
                await self._failed(hook, delivery, str(error))
            else:
                self._counts.attempt(hook.department, "arrived")
                await self._deliveries.arrived(delivery, self._clock())

    async def _failed(self, hook: Hook, delivery: Delivery, reason: str) -> None:
        tries = delivery.tries + 1
        self._counts.attempt(hook.department, "failed")
        log.warning("webhook not delivered", department=hook.department, id=delivery.id, tries=tries, reason=reason)
        await self._deliveries.failed(delivery, self._clock() + delay(tries), reason)
