"""Every morning, once: what is due today, and which micro-grids have been quiet.

Runs in the worker that holds the lease `digests`. A day that was begun by a process that died is begun again: what was put has
the day in its key. A worker that was down at eight does it when it is up, as long as it is that day.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from services.notify.digests import PutDigest
from services.notify.domain.digest import Due, by_audience, due_message, end_of, morning, quiet_message
from services.notify.domain.message import Message
from services.notify.domain.words import Words
from services.notify.ports import Books
from shared.clock import Clock
from shared.errors import Unavailable
from shared.mongo.client import DatabaseError
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.reference.reference import Reference

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0


class Facts(Protocol):
    """What the digests are made of. All of it raises what the driver raises."""

    async def done(self, subdistrict: str, day: date) -> bool: ...
    async def finish(self, subdistrict: str, day: date, now: datetime) -> None: ...

    async def due(self, subdistrict: str, before: datetime) -> list[Due]:
        """Open orders of open cases that are due before that time, as far as their clocks run."""
        ...

    async def heard_of(self, subdistrict: str, since: datetime) -> set[str]:
        """Micro-grids from which something was reported since then."""
        ...


class Digesting:
    """`step()` does what the morning asks for; `run()` repeats it under the lease."""

    def __init__(
        self, lane: Lane, books: Books, facts: Facts, lease: Lease, clock: Clock, reference: Reference, quiet_days: int
    ) -> None:
        self._lane, self._books, self._facts, self._lease = lane, books, facts, lease
        self._clock, self._reference, self._days = clock, reference, quiet_days

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                await self.step()
            except (DatabaseError, Unavailable) as error:
                log.info("digests wait for the database", error=repr(error)[:200])
            await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> None:
        """Every sub-district whose morning it is and which has not had its digests."""
        for code, subdistrict in self._reference.subdistricts.items():
            zone = ZoneInfo(subdistrict.zone)
            day = morning(self._clock(), zone)
            if day is None or not self._lease.safe() or await self._facts.done(code, day):
                continue
            for audience, message in [*await self._due(code, day, zone), *await self._quiet(code, day, zone)]:
                made = replace(message, reference_version=self._reference.version)
                await self._lane.submit(PutDigest(self._books, made, audience))
            await self._facts.finish(code, day, self._clock())

    async def _due(self, code: str, day: date, zone: ZoneInfo) -> Iterable[tuple[str, Message]]:
        told = by_audience(code, await self._facts.due(code, end_of(day, zone)))
        return [(audience, due_message(code, audience, day, found, zone)) for audience, found in told.items()]

    async def _quiet(self, code: str, day: date, zone: ZoneInfo) -> Iterable[tuple[str, Message]]:
        heard = await self._facts.heard_of(code, end_of(day, zone) - timedelta(days=self._days + 1))
        silent: dict[str, list[Words]] = {}
        for place in self._reference.places.values():
            if place.kind == "residential" and place.code.startswith(code) and place.code not in heard:
                silent.setdefault(f"community:{place.code[:12]}", []).append(Words(place.zh, place.en))
        return [
            (audience, quiet_message(code, audience, day, grids, self._days, zone))
            for audience, grids in silent.items()
        ]
