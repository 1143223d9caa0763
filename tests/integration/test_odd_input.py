"""Every request of the access matrix with one value in it replaced by an odd one: refused as a problem, or taken; never a
failure of ours. Half a surrogate, a zero byte, numbers that no database has, bodies that are no text."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from shared.web.description import REFUSALS, Problem
from shared.web.problems import MEDIA_TYPE
from tests.integration.test_access_matrix import NOBODY, ROWS, Row, headers
from tests.support import estate as house
from tests.support.estate import POLICIES, Estate
from tests.support.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ODD: tuple[Any, ...] = (
    "\ud800",
    "\x00",
    "a" * 20_000,
    "9999-12-31T23:59:59.999999-12:00",
    "0001-01-01T00:00:00+14:00",
    10**30,
    2**63,
    -1,
    float("nan"),
    float("inf"),
    None,
    True,
    [],
    {"$ne": None},
)
BOUNDS = {"maxLength", "pattern", "enum", "const", "format", "contentMediaType"}
ODD_BYTES = (
    b"",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'{"a": \xff}',
    b"[" * 5_000,
    b'{"a":1e999}',
    b'"\\ud800"',
    b'{"\\u0000":1}',
)
ODD_TEXT = ("%00", "%FF", "%ED%A0%80", "9" * 40, "-1", "..", "%F0%9F%9B%B5", "$ne", "1e999", "a" * 3_000)
"""In a path or a query, already encoded."""


@pytest.fixture(scope="module")
async def estate(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with house.estate(stack, tmp_path_factory.mktemp("odd")) as made:
        yield made


@pytest.mark.parametrize("service", POLICIES)
async def test_an_odd_request_is_refused_or_taken_but_breaks_nothing(estate: Estate, service: str) -> None:
    wrong: list[str] = []
    asked = 0
    for row in ROWS[service]:
        for method, path, content in requests(row):
            asked += 1
            found = await ask(estate.clients[service], method, path, content, next(iter(row.told), NOBODY))
            if found:
                wrong.append(f"{method} {path[:100]} {content[:150]!r}: {found}")
    assert asked > 100
    assert not wrong, f"{len(wrong)} of {asked}:\n" + "\n".join(wrong)


def requests(row: Row) -> Iterator[tuple[str, str, bytes]]:
    """Method, path with its query, and body."""
    method, _, template = row.route.partition(" ")
    path = row.path or template
    body = row.body.get("json")
    query = "&".join(f"{name}={value}" for name, value in row.query.items())
    sent = json.dumps(body).encode() if body is not None else b""
    for name in row.query:
        others = "&".join(f"{other}={value}" for other, value in row.query.items() if other != name)
        yield from ((method, f"{path}?{name}={odd}&{others}", sent) for odd in ODD_TEXT)
    if row.path and "{" in template:
        yield from ((method, f"{_replaced(template, path, odd)}?{query}", sent) for odd in ODD_TEXT)
    if body is not None:
        yield from ((method, path, content) for content in ODD_BYTES)
        yield from ((method, path, json.dumps(odd).encode()) for odd in variants(body))


def _replaced(template: str, path: str, odd: str) -> str:
    parts = zip(template.split("/"), path.split("/"), strict=True)
    return "/".join(odd if asked.startswith("{") else given for asked, given in parts)


def variants(body: Any) -> Iterator[Any]:
    """`body` with each of its values, on every level, replaced by each odd one."""
    yield from ODD
    if isinstance(body, dict):
        for name, value in body.items():
            yield from ({**body, name: odd} for odd in variants(value))
    if isinstance(body, list) and body:
        yield from ([odd, *body[1:]] for odd in variants(body[0]))


async def ask(client: httpx2.AsyncClient, method: str, path: str, content: bytes, caller: str) -> str | None:
    """What is wrong with the answer, if anything is."""
    sent = {**headers(caller), "Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
    async with asyncio.timeout(15), client.stream(method, path, headers=sent, content=content) as answer:
        if answer.status_code < 400:
            return None  # also where it is a stream, which has no end
        text = await answer.aread()
        if answer.status_code not in REFUSALS or answer.headers["content-type"] != MEDIA_TYPE:
            return f"{answer.status_code} {text[:200]!r}"
        Problem.model_validate_json(text)
    return None


async def test_every_text_in_a_body_has_a_bound(estate: Estate) -> None:
    """Without one pydantic lets half a surrogate through, which neither the database nor an answer can hold."""
    loose = {name: sorted(set(_loose(app.openapi()))) for name, app in estate.apps.items()}
    assert loose == {name: [] for name in estate.apps}


def _loose(document: dict[str, Any]) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for kind in operation.get("requestBody", {}).get("content", {}).values():
                yield from (f"{method} {path}: {where}" for where in _unbounded(kind["schema"], document, "body"))


def _unbounded(schema: Any, document: dict[str, Any], where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "string" and not schema.keys() & BOUNDS:
        yield where
    for name, inner in schema.get("properties", {}).items():
        yield from _unbounded(inner, document, f"{where}.{name}")
    among = [schema[name] for name in ("items", "propertyNames", "additionalProperties") if name in schema]
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *among):
        if isinstance(inner, dict):
            yield from _unbounded(inner, document, where)
