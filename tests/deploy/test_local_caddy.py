"""The front door: what it lets through, under which name, and what it does not."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from ops.local import caddy, toolchain
from ops.local.process import Process
from ops.local.state import State
from ops.local.supervisor import listens, until_ready

Handle = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def upstream(handle: Handle) -> AsyncIterator[int]:
    """A tiny HTTP server; `handle` gets the request's head and answers."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await handle(head, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def echo(head: str, writer: asyncio.StreamWriter) -> None:
    """Answers with the request it got."""
    body = json.dumps({"head": head}).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    )
    await writer.drain()


@asynccontextmanager
async def front(tmp_path: Path, **apis: int) -> AsyncIterator[httpx2.AsyncClient]:
    state = State.at(tmp_path / "s")
    ports = {"front": state.ports(["other"])["other"]}
    process = Process(caddy.program(state, toolchain.find(tmp_path / "lib").caddy, ports, apis))
    await process.start()
    try:
        await until_ready(process, listens(ports["front"]), 20)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ports['front']}", timeout=10) as client:
            yield client
    finally:
        assert await process.stop() == 0


@pytest.mark.parametrize("service", ["intake", "dispatch", "points", "notify"])
async def test_each_service_gets_its_own_paths_without_its_name(tmp_path: Path, service: str) -> None:
    async with upstream(echo) as port, front(tmp_path, **{service: port}) as client:
        answer = await client.get(f"/{service}/v1/reports/7?after=3", headers={"Authorization": "Bearer x"})
        head = answer.json()["head"]
        assert head.startswith("GET /v1/reports/7?after=3 HTTP/1.1")
        assert "Authorization: Bearer x" in head
        assert f"X-Forwarded-Prefix: /{service}" in head
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (await client.get(f"/{service}/v2/reports")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/readyz",
        "/livez",
        "/intake/metrics",
        "/intake/readyz",
        "/intake/v1/../../metrics",
        "/intake",
        "/nothing",
    ],
)
async def test_what_is_for_supervisors_is_not_routed(tmp_path: Path, path: str) -> None:
    async with upstream(echo) as port, front(tmp_path, intake=port) as client:
        answer = await client.get(path)
        # A service may see a path it does not have, never one of those that it does have.
        seen = answer.json()["head"].split()[1] if answer.status_code == 200 else None
        assert answer.status_code == 404 or seen not in ("/metrics", "/readyz", "/livez"), seen


async def test_a_client_cannot_choose_the_address_it_comes_from(tmp_path: Path) -> None:
    async with upstream(echo) as port, front(tmp_path, intake=port) as client:
        head = (await client.get("/intake/v1/x", headers={"X-Forwarded-For": "1.2.3.4"})).json()["head"]
        assert "1.2.3.4" not in head
        assert "X-Forwarded-For: 127.0.0.1" in head


async def test_a_service_that_is_away_is_502_and_the_others_go_on(tmp_path: Path) -> None:
    async with upstream(echo) as port, front(tmp_path, intake=port) as client:
        assert (await client.get("/points/v1/passbook")).status_code == 502
        assert (await client.get("/intake/v1/x")).status_code == 200


async def test_a_stream_arrives_while_it_is_being_written(tmp_path: Path) -> None:
    goes_on = asyncio.Event()

    async def stream(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: 1\n\n")
        await writer.drain()
        await asyncio.wait_for(goes_on.wait(), 10)
        writer.write(b"data: 2\n\n")
        await writer.drain()

    async with (
        upstream(stream) as port,
        front(tmp_path, notify=port) as client,
        client.stream("GET", "/notify/v1/inbox") as answer,
    ):
        chunks = answer.aiter_text()
        assert "data: 1" in await asyncio.wait_for(anext(chunks), 5)
        goes_on.set()
        assert "data: 2" in await asyncio.wait_for(anext(chunks), 5)
