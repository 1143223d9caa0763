"""How often somebody without an account may ask. Counted in MongoDB beside the logins, so that all replicas count together."""

import asyncio

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError

from services.intake.logins import client_of
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
    retry_after_seconds = 60


class Visitors:
    """Every question counts, whatever the answer is."""

    def __init__(
        self, storage: Storage, per_address: RateLimitItem = PER_ADDRESS, everywhere: RateLimitItem = EVERYWHERE
    ) -> None:
        self._limiter = FixedWindowRateLimiter(storage)
        self._per_address = per_address
        self._everywhere = everywhere

    async def admit(self, address: str) -> None:
        """Count a question. Raises `TooManyQuestions`, or `Unavailable` if the counters do not answer."""
        try:
            async with asyncio.timeout(_SECONDS):
                # his own first: who is over it must not use up what everybody has
                good = await self._limiter.hit(self._per_address, client_of(address))
                good = good and await self._limiter.hit(self._everywhere)
        except (StorageError, TimeoutError):
            raise Unavailable("visitors cannot be counted at the moment") from None
        if not good:
            raise TooManyQuestions("too many questions; ask again in a minute")
