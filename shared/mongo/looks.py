"""Looking at what is stored, over and over, by one process: what metrics that count documents are made of."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from shared.mongo.client import DatabaseError
from shared.mongo.lease import RENEW_SECONDS, Lease

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looks:
    """`look` every `seconds` while this process has the lease; `forget` while another has it, so that no number is shown
    twice. `what` is looked at, for the log."""

    what: str
    lease: Lease
    look: Callable[[], Awaitable[None]]
    forget: Callable[[], None]
    seconds: float = 15.0

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        looks, turn = int(self.seconds / RENEW_SECONDS), 0
        while True:
            try:
                await self.turn(due=turn % looks == 0)
            except DatabaseError as error:
                log.info("looking waits for the database", what=self.what, error=repr(error)[:200])
            turn += 1
            await asyncio.sleep(RENEW_SECONDS)

    async def turn(self, *, due: bool) -> None:
        """Renew the lease, and look if it is held and `due`. Raises what the driver raises."""
        if self.lease.due():
            await self.lease.try_hold()
        if not self.lease.safe():
            self.forget()
        elif due:
            await self.look()
