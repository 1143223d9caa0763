"""A running commit lane over any store, and the events that a memory store would publish."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.contracts.envelope import Message, decode
from shared.mongo.lane import Lane, Transactor
from tests.support.memory import MemoryTransactor


@asynccontextmanager
async def running(store: Transactor, max_batch: int = 50) -> AsyncIterator[Lane]:
    """A lane that commits until the block ends."""
    lane = Lane(store, max_batch=max_batch)
    task = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def published(store: MemoryTransactor, topic: str | None = None) -> list[tuple[str, Message]]:
    """(topic, event) of every outbox row, decoded from its bytes as a consumer would; of one topic if given."""
    rows = [row for row in store.rows if topic in (None, row["topic"])]
    decoded = [(row, [(name, content) for name, content in row["headers"]]) for row in rows]
    return [(row["topic"], decode(row["topic"], headers, row["value"])) for row, headers in decoded]
