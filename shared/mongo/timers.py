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
from typing import Any

import structlog
from pymongo import ASCENDING, IndexModel

from shared.errors import Unavailable
from shared.mongo.client import UTC_DATES, Database, DatabaseError, Document
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.work import Command

log = structlog.get_logger(__name__)

WAKING = IndexModel(
    [("wake_at", ASCENDING), ("_id", ASCENDING)], name="wake", partialFilterExpression={"wake_at": {"$type": "date"}}
)
"""The index that a collection with timers needs."""

_BATCH = 100
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Timer:
    """Documents of `collection` are woken by the command `wake(id)`. It looks at its own clock (`work.now`) what is due,
    and must do nothing if that is nothing: it may come early, late or twice."""

    collection: str
    wake: Callable[[str], Command[Any]]


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
        # The server's clock, so that a process whose own is ahead cannot fire early.
        now: datetime = (await self._database.command("hello", codec_options=UTC_DATES))["localTime"]
        for timer in self._timers:
            await self._pass(timer, now)

    async def _pass(self, timer: Timer, now: datetime) -> None:
        """Page after page by (wake_at, _id): what fails is passed over once and hides nobody behind it."""
        found = await self._page(timer, now, None)
        late = now - found[0]["wake_at"] if found else timedelta()
        self.stats.late_seconds[timer.collection] = late.total_seconds()
        while found:
            await asyncio.gather(*(self._wake(timer, document["_id"]) for document in found))
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

    async def _wake(self, timer: Timer, id_: str) -> None:
        try:
            await self._lane.submit(timer.wake(id_))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that fails must not stop the others; it is tried again
            self.stats.failed[timer.collection] += 1
            log.warning("a timer failed", collection=timer.collection, id=id_, error=repr(error)[:300])
        else:
            self.stats.woken[timer.collection] += 1

    async def _still_mine(self) -> bool:
        if self._lease.due():
            await self._lease.try_hold()
        return self._lease.safe()
