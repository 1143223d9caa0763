"""From messages to deliveries: which copies have a way to go beside the inbox.

A message says of itself that it was not looked at yet; what follows from it has natural keys. So it may be done twice, by two
processes at once, or again after one of them died: there is one delivery of each.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Delivery, Way, planned, skipped
from services.notify.domain.message import Copy, Message
from shared.clock import Clock
from shared.mongo.client import DatabaseError

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.3
AT_ONCE = 100

_NOWHERE = Way("none", "none", Kind.WEBHOOK)


class Drafts(Protocol):
    """Messages to be looked at, and what follows from them. All of it raises what the driver raises."""

    async def unplanned(self, limit: int) -> list[tuple[Message, int]]:
        """The oldest of them, with the version they have."""
        ...

    async def keep(self, deliveries: Sequence[Delivery]) -> int:
        """Those that are not there yet. Returns how many that were."""
        ...

    async def planned(self, message: str, version: int) -> None:
        """Looked at, unless it has changed since."""
        ...


class Ways(Protocol):
    """How an audience is reached beside its inbox."""

    async def of(self, audience: str, message: Message) -> tuple[Sequence[Way], str | None]:
        """The ways, and the community whose desk may see what became of it where the message does not say."""
        ...


class Planning:
    """`step()` looks at what is new; `run()` repeats it."""

    def __init__(self, drafts: Drafts, ways: Ways, clock: Clock) -> None:
        self._drafts, self._ways, self._clock = drafts, ways, clock

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            found = 0
            try:
                found = await self.step()
            except DatabaseError as error:
                log.info("planning waits for the database", error=repr(error)[:200])
            if found < AT_ONCE:
                await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> int:
        """Returns how many messages were looked at."""
        found = await self._drafts.unplanned(AT_ONCE)
        for message, version in found:
            follows = [one for copy in message.to for one in await self._of(message, copy)]
            if follows:
                await self._drafts.keep(follows)
            await self._drafts.planned(message.id, version)
        return len(found)

    async def _of(self, message: Message, copy: Copy) -> list[Delivery]:
        ways, community = await self._ways.of(copy.audience, message)
        follows = [planned(message, copy, way, community) for way in ways or (_NOWHERE,)]
        if copy.audience.startswith("group:"):
            # An inbox that only robots read aloud: staff see that nobody did, and may paste the sentence.
            why = "" if message.public else "not_public"
            why = why or ("" if ways else "no_robot")
            return [skipped(one, why, self._clock()) if why else one for one in follows]
        return follows if ways else []
