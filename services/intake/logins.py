"""How often one may fail to log in. Counted in MongoDB, so that all replicas count together; see ADR 0011."""

import asyncio
import ipaddress
from collections.abc import Awaitable
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MongoDBStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from services.intake.windows import seconds_left
from shared.errors import Refused, Unavailable

PER_ADDRESS = RateLimitItemPerMinute(10, 15, namespace="login")
"""Failures of one client in 15 minutes: a person mistypes a code, a program tries many."""

EVERYWHERE = RateLimitItemPerMinute(300, 1, namespace="logins")
"""Failures of all clients in a minute, against many addresses that each try a little."""

_SECONDS = 2.0
T = TypeVar("T")


class TooManyLogins(Refused):
    """So many failed that the next one has to wait."""

    status = 429
    code = "too-many-logins"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many logins failed; wait {seconds} s")
        self.retry_after_seconds = seconds


class LoginLimits:
    """Only failures count. Whoever cannot count lets nobody in."""

    def __init__(
        self, storage: Storage, per_address: RateLimitItem = PER_ADDRESS, everywhere: RateLimitItem = EVERYWHERE
    ) -> None:
        self._storage = storage
        self._limiter = FixedWindowRateLimiter(storage)
        self._per_address = per_address
        self._everywhere = everywhere

    async def admit(self, address: str) -> None:
        """Raises `TooManyLogins`, or `Unavailable` if the counters do not answer: a login is refused then."""
        for item, whose in ((self._per_address, (client_of(address),)), (self._everywhere, ())):
            if not await self._answer(self._limiter.test(item, *whose)):
                raise TooManyLogins(await self._answer(seconds_left(self._storage, item, *whose)))

    async def failed(self, address: str) -> None:
        """Count a failure. Raises `Unavailable`."""
        await self._answer(self._limiter.hit(self._per_address, client_of(address)))
        await self._answer(self._limiter.hit(self._everywhere))

    async def close(self) -> None:
        """Disconnect from the counters."""
        if isinstance(self._storage, MongoDBStorage):
            self._storage.storage.close()

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_SECONDS):
                return await asked
        except (StorageError, TimeoutError):
            raise Unavailable("logins cannot be counted at the moment, so none is taken") from None


def client_of(address: str) -> str:
    """Who an address stands for: an IPv6 network of 64 bits is one household, whoever it is as IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def counters(uri: str, database: str) -> MongoDBStorage:
    """The counters in the service's own database, whose answer is waited for as long as a login may take."""
    return MongoDBStorage(
        f"async+{uri}",
        database_name=database,
        counter_collection_name="login_failures",
        window_collection_name="login_windows",
        wrap_exceptions=True,
        w=1,  # a count lost with a primary allows a few tries more; a durable one costs as much as storing a report
        journal=False,
        timeoutMS=int(_SECONDS * 1000),
        serverSelectionTimeoutMS=int(_SECONDS * 1000),
        connectTimeoutMS=int(_SECONDS * 1000),
    )
