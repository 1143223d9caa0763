"""The floor of `benchmarks.front`: the least that answers 201 for a report durably, in one file.

FastAPI, one pydantic model, one queue; whatever waits is inserted in one transaction (majority, journal), then all are
answered. No authentication, rules, duplicates, outbox or limits: it shows what the rest of intake's way costs.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from pymongo import WriteConcern

from shared.mongo.client import connect

AT_ONCE = 50
"""As many as the commit lane takes at most."""


class Report(BaseModel):
    """The fields of a report as phones send it."""

    client_key: str
    category: dict[str, str]
    emergency: bool
    place: dict[str, Any]
    text: str
    captured_at: str


def app(uri: str, database: str) -> FastAPI:
    """One route, one collection."""
    client = connect(uri, "bare")
    reports = client[database]["bare_reports"]
    waiting: asyncio.Queue[tuple[dict[str, Any], asyncio.Future[None]]] = asyncio.Queue()

    async def commit() -> None:
        while True:
            batch = [await waiting.get()]
            while len(batch) < AT_ONCE and not waiting.empty():
                batch.append(waiting.get_nowait())
            durable = WriteConcern("majority", j=True)
            async with await client.start_session() as session, session.start_transaction(write_concern=durable):
                await reports.insert_many([document for document, _ in batch], session=session)
            for _, answered in batch:
                answered.set_result(None)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        committing = asyncio.create_task(commit())
        yield
        committing.cancel()

    served = FastAPI(lifespan=running)

    @served.post("/v1/reports", status_code=201)
    async def report(body: Report) -> dict[str, str]:
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.put_nowait((body.model_dump() | {"_id": body.client_key}, answered))
        await answered
        return {"report_id": body.client_key}

    @served.get("/readyz")
    async def ready() -> dict[str, bool]:
        return {"ready": await reports.find_one({}, {"_id": 1}) is None or True}

    return served


if __name__ == "__main__":
    uvicorn.run(app(os.environ["BARE_URI"], sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
