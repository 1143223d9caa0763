"""Inboxes as streams: a doorbell wakes those who wait, the numbers in the inbox say what they have not had yet.

The doorbell carries nothing, so it may ring too often and may be broken: then everyone looks once a second.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

from services.notify.domain.audiences import Reach
from services.notify.domain.message import Copy, Message
from services.notify.ports import Inboxes
from shared.errors import Unavailable

PAGE = 50
"""Messages that one stream holds at most while its client reads slowly."""

POLL_SECONDS = 1.0
CALM_SECONDS = 15.0
"""How often a stream looks while the doorbell works: a belt beside the braces."""

LIFE_SECONDS = 15 * 60.0
"""A stream ends after this long; the client comes back with its last number and a token that is still good."""


class Doorbell:
    """One per process. `ring` wakes the streams of one inbox; `sound` while rings can be relied on."""

    def __init__(self) -> None:
        self._bells: dict[str, set[asyncio.Event]] = {}
        self.sound = False
        self.closed = False

    @contextmanager
    def listening(self, audience: str) -> Iterator[asyncio.Event]:
        """A bell that rings for this inbox, from now until the block ends."""
        bell = asyncio.Event()
        bells = self._bells.setdefault(audience, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells and self._bells.get(audience) is bells:
                del self._bells[audience]

    @property
    def listeners(self) -> int:
        """How many bells there are."""
        return sum(len(bells) for bells in self._bells.values())

    def ring(self, audience: str) -> None:
        """Something was put into this inbox."""
        for bell in self._bells.get(audience, ()):
            bell.set()

    def tested(self, sound: bool) -> None:
        """Whether rings can be relied on from now on. Everyone looks once, for what happened in between."""
        self.sound = sound
        self._ring_all()

    async def close(self) -> None:
        """End every stream at once: the process stops."""
        self.closed = True
        self._ring_all()

    async def wait(self, bell: asyncio.Event) -> None:
        """Until the bell rings or it is time to look anyway."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM_SECONDS if self.sound else POLL_SECONDS):
                await bell.wait()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.set()


async def follow(
    inboxes: Inboxes,
    doorbell: Doorbell,
    reach: Reach,
    audience: str,
    after: int,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[Copy, Message]]:
    """Every message of an inbox after number `after`, in order, as it comes; outlives a database that is away."""
    until = monotonic() + LIFE_SECONDS
    with doorbell.listening(audience) as bell:
        while not doorbell.closed and monotonic() < until:
            bell.clear()
            try:
                page = await inboxes.page(reach, audience, after, PAGE)
            except Unavailable:
                await asyncio.sleep(POLL_SECONDS)
                continue
            full = after + PAGE
            for copy, message in page:
                yield copy, message
                after = copy.sequence
            # numbers have no gap: a page that ends before its window was the last one, and a thousand streams need not ask
            if after < full:
                await doorbell.wait(bell)
