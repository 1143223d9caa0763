"""How often somebody without an account may ask. Counted in MongoDB beside the logins, so that all replicas count together."""

import asyncio

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from services.intake.logins import client_of
from services.intake.windows import seconds_left
from shared.errors import Refused, Unavailable

PER_ADDRESS = RateLimitItemPerMinute(30, namespace="visitor")
"""Of one client in a minute: who looks up his code asks once or twice, and one home's phones may share an address."""

EVERYWHERE = RateLimitItemPerMinute(1_200, namespace="visitors")
"""Of all clients in a minute, so that riders can report whatever the public page is asked."""

_SECONDS = 2.0


class TooManyQuestions(Refused):
    """So many that the next one has to wait for the minute to end."""

    status = 429
    code = "too-many-requests"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many questions; ask again in {seconds} s")
        self.retry_after_seconds = seconds


class Visitors:
    """Every question counts, whatever the answer is."""

    def __init__(
        self, storage: Storage, per_address: RateLimitItem = PER_ADDRESS, everywhere: RateLimitItem = EVERYWHERE
    ) -> None:
        self._storage = storage
        self._limiter = FixedWindowRateLimiter(storage)
        self._per_address = per_address
        self._everywhere = everywhere

    async def admit(self, address: str) -> None:
        """Count a question. Raises `TooManyQuestions`, or `Unavailable` if the counters do not answer."""
        try:
            async with asyncio.timeout(_SECONDS):
                wait = await self._wait(client_of(address))
        except (StorageError, TimeoutError):
            raise Unavailable("visitors cannot be counted at the moment") from None
        if wait is not None:
            raise TooManyQuestions(wait)

    async def _wait(self, client: str) -> int | None:
        """None if the question is counted, else the seconds until the next one is. His own first: who is over it must not
        use up what everybody has."""
        if not await self._limiter.hit(self._per_address, client):
            return await seconds_left(self._storage, self._per_address, client)
        if not await self._limiter.hit(self._everywhere):
            return await seconds_left(self._storage, self._everywhere)
        return None
