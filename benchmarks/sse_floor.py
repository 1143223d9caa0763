"""A bare FastAPI loop of server-sent events, the floor of `sse`: `python -m benchmarks.sse_floor PORT`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent


def make() -> FastAPI:
    """Whoever streams gets whatever is told: no store, no scope, no number."""
    app, queues = FastAPI(), set[asyncio.Queue[dict[str, Any]]]()

    @app.get("/stream", response_class=EventSourceResponse)
    async def stream() -> AsyncIterator[ServerSentEvent]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        queues.add(queue)
        try:
            yield ServerSentEvent(comment="hello")
            while True:
                yield ServerSentEvent(event="message", id="1", data=await queue.get())
        finally:
            queues.discard(queue)

    @app.post("/tell")
    async def tell(data: dict[str, Any]) -> int:
        for queue in queues:
            queue.put_nowait(data)
        return len(queues)

    return app


if __name__ == "__main__":
    uvicorn.run(make(), host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
