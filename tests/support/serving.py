"""A real uvicorn server on a free port of this machine, in the loop of the test."""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx2
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from shared.web.policy import Policy, public


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # the signals of the test run are pytest's


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of `app` behind a socket."""
    server = _Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=15) as client:
            yield client
    finally:
        server.should_exit = True
        await task


def rows_of(policy: Policy, *routers: APIRouter) -> Policy:
    """The rows of a service's table that a test serves routes for: no table may have a row without a route."""
    served = open_to_all(*routers)
    return {name: rule for name, rule in policy.items() if name in served}


def open_to_all(*routers: APIRouter) -> Policy:
    """A policy for routes of a test, which asks nobody who he is."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    return {f"{method} {route.path}": public("测试", "test") for route in routes for method in route.methods or ()}
