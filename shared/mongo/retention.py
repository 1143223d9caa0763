"""What is kept for how long. Whatever is older goes, in small transactions that each leave a tombstone without the person.

Runs in the worker that holds the lease `retention`. The rules stand in each service's `store.py`, their days may be set.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorClientSession

from shared.clock import Clock
from shared.crash import crash_point
from shared.mongo.client import DURABLE, SNAPSHOT, Client, Database, DatabaseError, Document
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

TOMBSTONES = "tombstones"
LEAST_DAYS = 30
"""Nothing may be set to be kept for less: until then a service may have to be filled again from the topics."""

_BATCH = 100
_POLL_SECONDS = 5.0
_EVERY = timedelta(hours=1)

Needed = Callable[[Database, list[Document]], Awaitable[set[Any]]]
"""Those `_id`s of the documents found that must stay: something that is not over needs them."""


async def nothing_needed(database: Database, found: list[Document]) -> set[Any]:
    """For what nobody needs once it is old."""
    return set()


@dataclass(frozen=True, slots=True)
class Rule:
    """`noun` of `collection` is kept for `days` after the time in `since`; then the document goes, or with `blank` only what
    that update takes out. `where` narrows, and must not match any more what was blanked. `named`: ids without a person in
    them, so each gets its own tombstone; otherwise a batch gets one with its count. `fixed`: its days cannot be set.
    `until`: what has stayed for so many days is not looked at again nor overdue, where most stay for good reason."""

    noun: str
    collection: str
    since: str
    days: int
    where: Document = field(default_factory=dict)
    blank: list[Document] | None = None
    needed: Needed = nothing_needed
    named: bool = True
    fixed: bool = False
    until: int | None = None

    def due(self, now: datetime) -> Document:
        """The filter of what is too old."""
        past = {"$lt": now - timedelta(days=self.days)}
        if self.until is not None:
            past["$gte"] = now - timedelta(days=self.until)
        return {**self.where, self.since: past}


def with_days(rules: Iterable[Rule], days: Mapping[str, int]) -> tuple[Rule, ...]:
    """The rules with the days of an installation. Raises `ValueError` naming what is unknown or too short."""
    known = {rule.noun: rule for rule in rules}
    for noun, wanted in days.items():
        if noun not in known or known[noun].fixed:
            free = ", ".join(sorted(rule.noun for rule in known.values() if not rule.fixed)) or "nothing"
            raise ValueError(f"retention_days: {noun} cannot be set; can be set here: {free}")
        if wanted < LEAST_DAYS:
            raise ValueError(f"retention_days: {noun}: at least {LEAST_DAYS} days, {wanted} were given")
    return tuple(replace(rule, days=days.get(rule.noun, rule.days)) for rule in known.values())


@dataclass(slots=True)
class RetentionStats:
    """For metrics, by noun: removed since the start, and seconds for which the oldest is kept beyond its time."""

    removed: dict[str, int] = field(default_factory=dict)
    overdue_seconds: dict[str, float] = field(default_factory=dict)


class Retention:
    """One service's job. `step()` removes all that is due; `run()` repeats it every hour under the lease."""

    def __init__(self, client: Client, database: Database, lease: Lease, rules: Iterable[Rule], clock: Clock) -> None:
        self.rules = tuple(rules)
        self.stats = RetentionStats({rule.noun: 0 for rule in self.rules})
        self._client = client
        self._database = database
        self._lease = lease
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        next_at = self._clock()
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                if self._lease.safe() and self._clock() >= next_at:
                    await self.step()
                    next_at = self._clock() + _EVERY
            except DatabaseError as error:
                log.info("retention waits for the database", error=repr(error)[:200])
            except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
                log.warning("retention failed", error=repr(error)[:300])
            await asyncio.sleep(_POLL_SECONDS)

    async def step(self) -> None:
        """Everything that is due now and that nothing needs."""
        now = self._clock()
        for rule in self.rules:
            removed = await self._carry_out(rule, now)
            self.stats.removed[rule.noun] += removed
            if removed:
                log.info("removed what is too old", noun=rule.noun, count=removed)

    async def _carry_out(self, rule: Rule, now: datetime) -> int:
        """Batch after batch by id, so that what must stay is passed over once."""
        removed, after, oldest = 0, None, None
        while True:
            beyond: Document = {} if after is None else {"_id": {"$gt": after}}
            query = {"$and": [rule.due(now), beyond]}
            cursor = self._database[rule.collection].find(query, {"jpeg": 0, "thumb": 0}).sort("_id", 1).limit(_BATCH)
            found = await cursor.to_list(None)
            if not found:
                break
            after = found[-1]["_id"]
            needed = await rule.needed(self._database, found)
            kept = [document[rule.since] for document in found if document["_id"] in needed]
            if rule.until is None:
                oldest = min([oldest, *kept] if oldest else kept, default=oldest)
            ids = [document["_id"] for document in found if document["_id"] not in needed]
            removed += await self._remove(rule, ids, now) if ids else 0
        past = rule.due(now)[rule.since]["$lt"]
        self.stats.overdue_seconds[rule.noun] = (past - oldest).total_seconds() if oldest else 0.0
        return removed

    async def _remove(self, rule: Rule, ids: list[Any], now: datetime) -> int:
        """The objects and their tombstones share a fate. Whoever was changed meanwhile is looked at again next time."""

        async def both(session: AsyncIOMotorClientSession) -> int:
            collection, which = self._database[rule.collection], {"$and": [rule.due(now), {"_id": {"$in": ids}}]}
            left = [d["_id"] async for d in collection.find(which, {"_id": 1}, session=session)]
            if not left:
                return 0
            if rule.blank is None:
                await collection.delete_many({"_id": {"$in": left}}, session=session)
            else:
                counted = {"$set": {"version": {"$add": ["$version", 1]}}}
                await collection.update_many({"_id": {"$in": left}}, [*rule.blank, counted], session=session)
            crash_point("retention.in_transaction")
            await self._database[TOMBSTONES].insert_many(_tombstones(rule, left, now), session=session)
            return len(left)

        async with await self._client.start_session() as session:
            count: int = await session.with_transaction(both, read_concern=SNAPSHOT, write_concern=DURABLE)
            return count


def _tombstones(rule: Rule, ids: list[Any], now: datetime) -> list[Document]:
    said = {"noun": rule.noun, "rule": f"{rule.days} days after {rule.since}", "at": now}
    if rule.named:
        return [{**said, "object": id_, "count": 1} for id_ in ids]
    return [{**said, "object": None, "count": len(ids)}]
