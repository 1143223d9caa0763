"""Community staff on a played day: whatever waits in triage they send to whom it belongs, for they know the place."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2

from ops.simulate.doors import Doors, bearer
from ops.simulate.words import number_in

_EVERY_SECONDS = 1.0
_REASON = "模拟：电话问清了位置 simulated: asked the rider by telephone"


@asynccontextmanager
async def attended(doors: Doors, run: str, departments: Mapping[int, tuple[str, ...]]) -> AsyncIterator[None]:
    """Staff look at the queue until the end; `departments` by the send's number."""
    looking = asyncio.create_task(_attend(doors, run, departments))
    try:
        yield
    finally:
        looking.cancel()


async def _attend(doors: Doors, run: str, departments: Mapping[int, tuple[str, ...]]) -> None:
    async with httpx2.AsyncClient(base_url=doors.dispatch, headers=bearer(doors.staff), timeout=30.0) as http:
        while True:
            with suppress(httpx2.TransportError):  # asked again in a moment
                await _look_once(http, run, departments)
            await asyncio.sleep(_EVERY_SECONDS)


async def _look_once(http: httpx2.AsyncClient, run: str, departments: Mapping[int, tuple[str, ...]]) -> None:
    answer = await http.get("/v1/incidents", params={"state": "triaged", "limit": 200})
    for incident in answer.json() if answer.is_success else []:
        number = number_in(incident["text"], run)
        if number is not None and number in departments:
            await _assign(http, incident, departments[number])


async def _assign(http: httpx2.AsyncClient, incident: Mapping[str, Any], departments: tuple[str, ...]) -> None:
    """A refusal means that it has moved on meanwhile: it is looked at again or is gone from the queue."""
    wish = {"expected_version": incident["version"], "departments": list(departments), "reason": _REASON}
    path = f"/v1/incidents/{incident['incident']}/assign"
    await http.post(path, json=wish, headers={"Idempotency-Key": str(uuid.uuid4())})
