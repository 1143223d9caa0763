"""How a provider is reached: over a socket of this machine (`listening`), or by a call (`Straight`), with faults on demand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlsplit

from shared.outward import Answer, NotAllowed, NotSent, Unanswered

START = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)

Fault = Literal["hang", "reset", "dead"]
"""hang: takes the request and never answers; reset: takes it and hangs up; dead: nobody is there (`Straight` alone)."""


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Request:
    """As it came. Header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol):
    def take(self, request: Request) -> Reply: ...


def request(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    parts = urlsplit(target)
    named = {name.lower(): value for name, value in headers.items()}
    return Request(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), named, body)


@dataclass
class Wire:
    """A plain HTTP server. `fault`: what happens instead of an answer, or the answer that is given instead."""

    provider: Provider
    fault: Fault | Reply | None = None
    port: int = 0
    listener: asyncio.Server | None = None
    requests: list[Request] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            came = await _read(reader)
            self.requests.append(came)
            if self.fault == "hang":
                await reader.read()  # until the other side gives up
            elif self.fault is None or isinstance(self.fault, Reply):
                writer.write(_written(self.fault or self.provider.take(came)))
                await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(provider: Provider) -> AsyncIterator[Wire]:
    """The provider on a port of this machine."""
    wire = Wire(provider)
    async with await asyncio.start_server(wire.serve, "127.0.0.1", 0) as listener:
        wire.listener = listener
        wire.port = listener.sockets[0].getsockname()[1]
        yield wire


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines) if name}
    length = next((value for name, value in headers.items() if name.lower() == "content-length"), "0")
    method, target, _ = first.split(" ")
    return request(method, target, headers, await reader.readexactly(int(length)))


def _written(reply: Reply) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), "Connection": "close", **reply.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} X\r\n{head}\r\n".encode() + reply.body


@dataclass
class Straight:
    """A way out (`channels.answers.Way`) that calls providers by host, without sockets: for storms."""

    hosts: Mapping[str, Provider]
    faults: dict[str, Fault | Reply] = field(default_factory=dict)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], at_most: int = 0) -> Answer:
        host = urlsplit(url).netloc
        if host not in self.hosts:
            raise NotAllowed("not one of the hosts")
        fault = self.faults.get(host)
        if fault == "dead":
            raise NotSent("nobody there")
        if fault in ("hang", "reset"):
            raise Unanswered("no answer")
        if isinstance(fault, Reply):
            return Answer(fault.status, fault.body[:at_most])
        reply = self.hosts[host].take(request("POST", url, headers, body))
        return Answer(reply.status, reply.body[:at_most])
