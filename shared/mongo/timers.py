"""What happens by itself at a certain time: reminders, escalations, reports that have waited long enough.

There is no list of timers beside the things they belong to. An aggregate carries `wake_at`, the next moment (server time) at
which something is due for it, and stores another one, or none, in the very transaction that carries that out. So nothing
fires twice, nothing fires for what has changed meanwhile, and what was due while everything was down is found afterwards.

Runs in the worker that holds the lease `timers`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import structlog
from pymongo import ASCENDING, IndexModel

from shared.crash import crash_point
from shared.errors import Unavailable
from shared.mongo.client import UTC_DATES, Database, DatabaseError, Document
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.work import Command, Ref, Work, more_reads

log = structlog.get_logger(__name__)

WAKING = IndexModel(
    [("wake_at", ASCENDING), ("_id", ASCENDING)], name="wake", partialFilterExpression={"wake_at": {"$type": "date"}}
)
"""The index that a collection with timers needs."""

_BATCH = 100
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Timer:
    """Documents of `collection` are woken by the command `wake(id)`. It looks what is due by `work.now`, which is the database's
    time when the pass began, and must do nothing if that is nothing: it may come late or twice."""

    collection: str
    wake: Callable[[str], Command[Any]]


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class AsOf(Generic[Answer]):
    """`inner`, decided as of `now`, the database's time: a process whose own clock is ahead cannot make anything happen early."""

    inner: Command[Answer]
    now: datetime

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> Answer:
        own, work.now, work.recorded = work.now, self.now, work.now
        try:
            return self.inner.decide(work)
        finally:
            work.now, work.recorded = own, None  # the next command of the batch is somebody else's


async def server_time(database: Database) -> datetime:
    """What the database's clock says (aware, UTC). Raises what the driver does."""
    now: datetime = (await database.command("hello", codec_options=UTC_DATES))["localTime"]
    return now


@dataclass(slots=True)
class TimerStats:
    """For metrics, by collection: woken and failed since the start, and by how much the last pass found the oldest late."""

    woken: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    late_seconds: dict[str, float] = field(default_factory=dict)


class Timers:
    """One service's timers. `step()` wakes all that is due, the oldest first; `run()` repeats it under the lease."""

    def __init__(self, database: Database, lane: Lane, lease: Lease, timers: Iterable[Timer]) -> None:
        self._database = database
        self._lane = lane
        self._lease = lease
        self._timers = tuple(timers)
        nothing = [timer.collection for timer in self._timers]
        self.stats = TimerStats(dict.fromkeys(nothing, 0), dict.fromkeys(nothing, 0), dict.fromkeys(nothing, 0.0))

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                if self._lease.safe():
                    await self.step()
            except (DatabaseError, Unavailable) as error:
                log.info("timers wait for the database", error=repr(error)[:200])
            except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
                log.warning("timers failed", error=repr(error)[:300])
            await asyncio.sleep(_POLL_SECONDS)

    async def step(self) -> None:
        """One pass over everything that is due by the database's clock, for as long as the lease is safe."""
        now = await server_time(self._database)
        for timer in self._timers:
            await self._pass(timer, now)

    async def _pass(self, timer: Timer, now: datetime) -> None:
        """Page after page by (wake_at, _id): what fails is passed over once and hides nobody behind it."""
        found = await self._page(timer, now, None)
        late = now - found[0]["wake_at"] if found else timedelta()
        self.stats.late_seconds[timer.collection] = late.total_seconds()
        while found:
            await asyncio.gather(*(self._wake(timer, document["_id"], now) for document in found))
            if not await self._still_mine():
                return
            found = await self._page(timer, now, found[-1])

    async def _page(self, timer: Timer, now: datetime, after: Document | None) -> list[Document]:
        due: Document = {"wake_at": {"$lte": now, "$type": "date"}}
        if after is not None:
            beyond = [
                {"wake_at": after["wake_at"], "_id": {"$gt": after["_id"]}},
                {"wake_at": {"$gt": after["wake_at"]}},
            ]
            due = {"$and": [due, {"$or": beyond}]}
        cursor = self._database[timer.collection].find(due, {"wake_at": 1})
        documents: list[Document] = await cursor.sort([("wake_at", 1), ("_id", 1)]).limit(_BATCH).to_list(None)
        return documents

    async def _wake(self, timer: Timer, id_: str, now: datetime) -> None:
        try:
            await self._lane.submit(AsOf(timer.wake(id_), now))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that fails must not stop the others; it is tried again
            self.stats.failed[timer.collection] += 1
            log.warning("a timer failed", collection=timer.collection, id=id_, error=repr(error)[:300])
        else:
            crash_point("timers.after_wake")
            self.stats.woken[timer.collection] += 1

    async def _still_mine(self) -> bool:
        if self._lease.due():
            await self._lease.try_hold()
        return self._lease.safe()
