"""15 MB and not a byte more, told or not told, and nothing is read to the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import pytest
from fastapi import APIRouter, Request, UploadFile
from prometheus_client import generate_latest
from pydantic import BaseModel

from shared.metrics import Metrics
from shared.web.app import MAX_BODY_BYTES, create
from tests.support.serving import open_to_all, served

METRICS = Metrics("test", "api", "v1")


class Anything(BaseModel):
    a: str


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/photos")
    async def photo(photo: UploadFile) -> int:
        return len(await photo.read())

    @router.post("/json")
    async def json(body: Anything) -> int:
        return len(body.a)

    @router.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    return router


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    router = routes()
    app = create("test", metrics=METRICS, checks={}, routers=[router], policy=open_to_all(router))
    async with served(app) as client:
        yield client


def is_too_large(response: httpx2.Response) -> None:
    body = response.json()
    assert (response.status_code, body["code"]) == (413, "content-too-large")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"
    assert response.headers["x-correlation-id"]
    assert body["detail"] == "body: is over 15,728,640 bytes"


async def test_a_photo_of_fifteen_million_bytes_fits_with_its_envelope(client: httpx2.AsyncClient) -> None:
    response = await client.post("/photos", files={"photo": b"x" * 15_000_000})
    assert (response.status_code, response.json()) == (200, 15_000_000)


async def test_exactly_the_limit_fits(client: httpx2.AsyncClient) -> None:
    response = await client.post("/raw", content=b"x" * MAX_BODY_BYTES)
    assert (response.status_code, response.json()) == (200, MAX_BODY_BYTES)


async def announced(client: httpx2.AsyncClient, length: str) -> bytes:
    """The answer to a body that is announced and never sent."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = f"POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"}")
    writer.close()
    return answer


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "99999999999"])
async def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(
    client: httpx2.AsyncClient, length: str
) -> None:
    answer = await announced(client, length)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer
    assert b"content-too-large" in answer
    assert b"x-correlation-id" in answer.lower()


async def test_who_sends_it_all_the_same_still_reads_the_answer(client: httpx2.AsyncClient) -> None:
    is_too_large(await client.post("/raw", content=b"x" * (MAX_BODY_BYTES + 5_000_000)))


MEDIA_TYPES = {"/json": "application/json", "/raw": "text/plain", "/photos": "multipart/form-data; boundary=x"}


class Chunks:
    """A body that does not tell its length."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        while self.sent < self._most:
            self.sent += 100_000
            yield b"x" * 100_000


@pytest.mark.parametrize("path", MEDIA_TYPES)
async def test_a_body_that_does_not_tell_its_length_is_refused_at_the_limit(
    client: httpx2.AsyncClient, path: str
) -> None:
    is_too_large(await client.post(path, content=Chunks(20_000_000), headers={"Content-Type": MEDIA_TYPES[path]}))


@pytest.mark.parametrize("path", MEDIA_TYPES)
async def test_who_does_not_stop_is_cut_off(client: httpx2.AsyncClient, path: str) -> None:
    endless = Chunks(1_000_000_000)
    with suppress(httpx2.TransportError):  # the answer may be lost to who does not listen
        is_too_large(await client.post(path, content=endless, headers={"Content-Type": MEDIA_TYPES[path]}))
    assert endless.sent < 100_000_000


async def test_refusals_are_counted(client: httpx2.AsyncClient) -> None:
    await announced(client, "99999999999")
    line = next(x for x in generate_latest(METRICS.registry).decode().splitlines() if 'code="content-too-large"' in x)
    assert float(line.split()[-1]) >= 1


async def test_other_requests_do_not_notice(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/json", json={"a": "b"})).json() == 1
    assert (await client.get("/livez")).json() == {"status": "alive"}
