"""A lease on server time: one holder at a time, without trusting any process's clock."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pymongo
from pymongo.errors import DuplicateKeyError

from shared.mongo.client import Database

LEASE_SECONDS = 10
RENEW_SECONDS = 3.0
SAFE_SECONDS = 7.0
"""After this long without a renewal the holder stops by its own monotonic clock, before the server lets another in."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Lease:
    """`await try_hold()` every 3 s; act only while `safe()`."""

    def __init__(
        self, database: Database, name: str, holder: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._leases = database["leases"]
        self._name = name
        self._holder = holder
        self._monotonic = monotonic
        self._asked_at = float("-inf")
        self._held = False
        self._made = False
        self._released = False

    async def try_hold(self) -> bool:
        """Take or renew the lease. Returns whether this holder has it now; raises what the driver raises."""
        if self._released:
            return False
        asked_at = self._monotonic()
        # `$$NOW` works through $expr and in pipeline updates only: {"until": {"$lt": "$$NOW"}} matches nothing, silently.
        free = {"$or": [{"$lt": ["$until", "$$NOW"]}, {"$eq": ["$holder", self._holder]}]}
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": LEASE_SECONDS}}
        mine = {"holder": {"$literal": self._holder}, "until": until}
        with pymongo.timeout(5.0):
            await self._make()
            result = await self._leases.update_one({"_id": self._name, "$expr": free}, [{"$set": mine}])
        self._held = result.matched_count == 1
        if self._held:
            self._asked_at = asked_at
        return self._held

    async def _make(self) -> None:
        """An upsert may not contain $expr, so the document is made first, free for anyone."""
        if not self._made:
            with suppress(DuplicateKeyError):
                await self._leases.insert_one({"_id": self._name, "holder": "", "until": _LONG_AGO})
            self._made = True

    def safe(self) -> bool:
        """Whether acting is still safe, counted from when the last renewal was asked for."""
        return self._held and self._monotonic() - self._asked_at < SAFE_SECONDS

    def due(self) -> bool:
        """Whether it is time to renew (or to ask again)."""
        return not self._held or self._monotonic() - self._asked_at >= RENEW_SECONDS

    async def release(self) -> None:
        """Give the lease back for good, so that a successor need not wait for it to run out."""
        # For good: whoever asks every few seconds goes on until its task is cancelled, and would take it back.
        self._held, self._released = False, True
        with pymongo.timeout(2.0):
            await self._leases.update_one({"_id": self._name, "holder": self._holder}, {"$set": {"until": _LONG_AGO}})
