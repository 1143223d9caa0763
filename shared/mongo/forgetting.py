"""Carries forgetting out: looks at the bytes of every document of the database, so that no list of fields can be incomplete.

Whatever names the person is treated, one small transaction a document, until a look finds nothing. Killed at any point, the
next look finds what is left. Runs in the worker that holds the lease `forgetting`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from shared.clock import Clock
from shared.crash import crash_point
from shared.errors import Unavailable
from shared.mongo.client import Database, DatabaseError, Document
from shared.mongo.inbox import HELD_KEYS
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.person import (
    FORGETTINGS,
    GRACE,
    OVERDUE,
    SETTLE,
    Advance,
    Phase,
    Treat,
    Treatment,
    put_treated,
    rename,
)
from shared.mongo.transactions import OUTBOX
from shared.mongo.work import Ref, Work
from shared.pseudonym import Person

log = structlog.get_logger(__name__)

RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
BESIDE = frozenset({FORGETTINGS, "leases"})
"""The one place where the id must stand while the work goes on, and one that names processes only."""

_POLL_SECONDS = 3.0
_SECONDS = 30.0
_NO_PICTURES = {"jpeg": 0, "thumb": 0}

Beside = Callable[[Database, Person], Awaitable[None]]
"""Removes what is of the person and does not name him, such as published events with his words. Idempotent."""

Find = Callable[[Database, Person], Awaitable[dict[str, list[str]]]]
"""Ids by collection of what must be renamed in one transaction."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a service's documents that name somebody. What is not listed is renamed.

    `treatments` by collection, carried out in their order before all others. `together`: documents that only make sense
    under one name, such as a ledger; `complete` says of them, as loaded, whether all are there.
    """

    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    together: Find | None = None
    complete: Callable[[Work, Person, Mapping[str, list[str]]], bool] = lambda work, person, ids: True
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class RenameTogether:
    """Rename several documents at once. Answers whether they were all there; if not, nothing is changed."""

    ids: Mapping[str, list[str]]
    person: Person
    plan: Plan

    def reads(self) -> list[Ref]:
        own = [Ref(collection, id_) for collection, ids in self.ids.items() for id_ in ids]
        return [*own, *(Ref(ref.collection, self.person.renamed(ref.id)) for ref in own)]

    def decide(self, work: Work) -> bool:
        if not self.plan.complete(work, self.person, self.ids):
            return False
        for collection, ids in self.ids.items():
            treatment = self.plan.treatments.get(collection, rename)
            for id_ in ids:
                before = work.get(collection, id_)
                if before is not None and (after := treatment(before, self.person)) != before:
                    put_treated(work, collection, before, after)
        return True


@dataclass(slots=True)
class ForgettingStats:
    """For metrics: people being forgotten, those of them for more than a day, and documents treated since the start."""

    waiting: int = 0
    overdue: int = 0
    treated: int = 0


class Forgetting:
    """One service's work. `step()` does all that is due; `run()` repeats it under the lease."""

    def __init__(self, database: Database, lane: Lane, lease: Lease, service: str, plan: Plan, clock: Clock) -> None:
        self.stats = ForgettingStats()
        self._database = database
        self._lane = lane
        self._lease = lease
        self._service = service
        self._plan = plan
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                await self.measure()
                if self._lease.safe():
                    await self.step()
            except (Unavailable, DatabaseError) as error:
                log.info("forgetting waits for the database", error=repr(error)[:200])
            except Exception as error:  # noqa: BLE001 - the loop outlives any single failure
                log.warning("forgetting failed", error=repr(error)[:300])
            await asyncio.sleep(_POLL_SECONDS)

    async def measure(self) -> None:
        """Count what waits, for metrics."""
        found = await self._open()
        now = self._clock()
        self.stats.waiting = len(found)
        self.stats.overdue = sum(now - document["asked_at"] > OVERDUE for document in found)

    async def step(self) -> None:
        """Go on with everybody whose time has come."""
        for document in await self._open():
            person, since = Person(document["account"], document["_id"]), self._clock() - document["asked_at"]
            if document["phase"] == Phase.ANNOUNCED and since >= GRACE:
                if await self._rename_together(person) and await self.look(person):
                    await self._lane.submit(Advance(person, Phase.RENAMED, self._service), seconds=_SECONDS)
            elif document["phase"] == Phase.RENAMED:
                final = since >= SETTLE
                clean = await self.look(person, only=None if final else (HELD_KEYS,))
                if clean and final:
                    await self._lane.submit(Advance(person, Phase.DONE, self._service), seconds=_SECONDS)

    async def look(self, person: Person, only: tuple[str, ...] | None = None) -> bool:
        """Treat every document that names him. Returns whether there was none, so that nothing is left."""
        clean = True
        for name in only or await self._collections():
            ids = [id_ async for id_ in self._naming(name, person)]
            for id_ in ids:
                crash_point("forgetting.between")
                clean = not await self._treat(name, id_, person) and clean
        if only is None and self._plan.beside is not None:
            await self._plan.beside(self._database, person)
        return clean

    async def _open(self) -> list[Document]:
        return await self._database[FORGETTINGS].find({"phase": {"$ne": Phase.DONE.value}}).to_list(None)

    async def _collections(self) -> list[str]:
        existing = {name for name in await self._database.list_collection_names() if not name.startswith("system.")}
        first = [name for name in self._plan.treatments if name in existing]
        return [*first, *sorted(existing - set(first) - BESIDE)]

    async def _naming(self, name: str, person: Person) -> Any:
        needle = person.account.encode()
        collection = self._database.get_collection(name, codec_options=RAW)
        async for raw in collection.find({}, _NO_PICTURES, batch_size=500):
            if needle in raw.raw:
                yield raw["_id"]

    async def _treat(self, name: str, id_: Any, person: Person) -> bool:
        """Whether there was anything to do. What the lane does not write is written beside it, just as idempotently."""
        collection, treatment = self._database[name], self._plan.treatments.get(name, rename)
        before = await collection.find_one({"_id": id_}, _NO_PICTURES)
        if before is None:
            return False
        if name == OUTBOX:
            return await self._treat_row(before, person)
        if "version" in before:
            command = Treat(name, id_, person, treatment)
            self.stats.treated += (done := await self._lane.submit(command, seconds=_SECONDS))
            return done
        after = treatment(before, person)
        if after == before:
            return False
        if after is None or after["_id"] != id_:
            await collection.delete_one({"_id": id_})
        else:
            await collection.update_one({"_id": id_}, {"$set": {k: v for k, v in after.items() if v != before[k]}})
        self.stats.treated += 1
        return True

    async def _treat_row(self, row: Document, person: Person) -> bool:
        """An event that was published goes; one that was not yet must reach Kafka first, or its key would have a gap."""
        if not person.is_in(row):
            return False
        if row["published"] is not None:
            await self._database[OUTBOX].delete_one({"_id": row["_id"]})
            self.stats.treated += 1
        return True

    async def _rename_together(self, person: Person) -> bool:
        if self._plan.together is None:
            return True
        ids = await self._plan.together(self._database, person)
        return await self._lane.submit(RenameTogether(ids, person, self._plan), seconds=_SECONDS)
