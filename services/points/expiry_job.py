"""Every night points that have grown old expire, if `points.yaml` says after how many months; by the lease `expiry`."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from services.points.domain.entry import Entry
from services.points.domain.growing_old import earned_since
from services.points.expiring import GrowOld
from services.points.ledger_check import next_after
from services.points.months import last_months
from services.points.ports import Books
from services.points.writing import SYSTEM
from shared.beside import Beside, Job
from shared.clock import Clock, system_clock
from shared.context import Context
from shared.errors import Unavailable
from shared.ids import new_id
from shared.mongo.client import Database, DatabaseError, Document
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.records import Records
from shared.pseudonym import is_pseudonym
from shared.reference.reference import Reference

_ENTRIES: Records[Entry] = Records("entries", Entry)

log = structlog.get_logger(__name__)

_RENEW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Terms:
    """Points of a month are good for so many whole `months` after it; `zones` by sub-district; the versions that say so."""

    months: int
    zones: Mapping[str, ZoneInfo]
    rule_version: str
    reference_version: str


class Expiry:
    """`look()` goes through all passbooks once; `run()` does it when it gets the lease, and then every night."""

    def __init__(self, database: Database, lane: Lane, lease: Lease, books: Books, terms: Terms, clock: Clock) -> None:
        self._database = database
        self._lane = lane
        self._lease = lease
        self._books = books
        self._terms = terms
        self._clock = clock
        self._due: datetime | None = None

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if await self._mine() and (self._due is None or self._clock() >= self._due):
                    await self.look()
            except (DatabaseError, Unavailable) as error:
                log.info("the expiry of points waits", error=repr(error)[:200])
            await asyncio.sleep(_RENEW_SECONDS)

    async def look(self) -> int:
        """Answers how many points have expired."""
        now, points = self._clock(), 0
        async for book in self._database["passbooks"].find({"balance": {"$gt": 0}}).sort("_id", 1):
            if not await self._mine():
                return points
            points += 0 if is_pseudonym(book["_id"]) else await self._grow_old(book, now)
        zone = min(self._terms.zones.items())[1]
        self._due = next_after(now, zone)
        log.info("old points looked for", expired=points)
        return points

    async def _grow_old(self, book: Document, now: datetime) -> int:
        zone = self._terms.zones.get(book["subdistrict"])
        if zone is None:
            return 0
        cutoff = last_months(now, zone, self._terms.months)[0][0]
        found = self._database["entries"].find({"account": book["account"], "at": {"$gte": cutoff}})
        earned = earned_since([_ENTRIES.load(document) async for document in found], cutoff)
        last = (cutoff - timedelta(days=1)).astimezone(zone)
        command = GrowOld(
            books=self._books,
            rider=book["_id"],
            period=f"{last:%Y-%m}",
            seen=book["entries"],
            earned=earned,
            rule_version=self._terms.rule_version,
            reference_version=self._terms.reference_version,
            context=Context(SYSTEM, new_id()),
            new_id=new_id,
        )
        entry = await self._lane.submit(command)
        return entry.amount if entry else 0

    async def _mine(self) -> bool:
        if self._lease.due():
            await self._lease.try_hold()
        return self._lease.safe()


def expiry_jobs(beside: Beside, books: Books, reference: Reference) -> Iterable[Job]:
    """None where points never expire."""
    months = reference.points.expiry_months
    if months is None:
        return
    zones = {code: ZoneInfo(place.zone) for code, place in reference.subdistricts.items()}
    terms, lease = Terms(months, zones, reference.points.version, reference.version), beside.lease("expiry")
    yield Job("expiry", Expiry(beside.database, beside.lane, lease, books, terms, system_clock).run, lease)
