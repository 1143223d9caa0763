"""Commands that are sent again: one effect, one answer, and a key that belongs to one wish of one caller."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import httpx2
import pytest
from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.dispatch.api import Key
from shared.errors import Conflict, Unavailable
from shared.metrics import Metrics
from shared.mongo.lane import Lane, Transient
from shared.mongo.work import Ref, Work
from shared.web.app import create
from shared.web.auth import Principal, Role
from shared.web.idempotency import ANSWERS, Once, fingerprint, submit_once
from tests.support.deliveries import Wobbly
from tests.support.lanes import running
from tests.support.serving import open_to_all, served


class Wish(BaseModel):
    amount: int
    note: str = ""


class Total(BaseModel):
    total: int


@dataclass
class Add:
    """Adds to a counter, which may never pass 100."""

    amount: int
    decided: list[int] = field(default_factory=list)

    def reads(self) -> Iterable[Ref]:
        return [Ref("counters", "c")]

    def decide(self, work: Work) -> Total:
        before = work.get("counters", "c")
        total = (before["total"] if before else 0) + self.amount
        self.decided.append(total)
        work.put("counters", {"_id": "c", "total": total})
        if total > 100:
            raise Conflict("amount: too much")
        return Total(total=total)


RIDER = Principal("rider-1", Role.RIDER, "140302003")


@pytest.fixture
def store() -> Wobbly:
    return Wobbly()


@pytest.fixture
async def lane(store: Wobbly) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane


async def send(lane: Lane, amount: int, key: str = "key-1", caller: Principal = RIDER) -> tuple[bytes, bool]:
    response = await submit_once(lane, caller, key, fingerprint(Wish(amount=amount)), Add(amount), 201)
    assert response.status_code == 201
    return bytes(response.body), response.headers.get("Idempotency-Replayed") == "true"


def total(store: Wobbly) -> int | None:
    document = store.documents.get(Ref("counters", "c"))
    return document["total"] if document else None


async def test_the_second_request_gets_the_stored_answer(lane: Lane, store: Wobbly) -> None:
    assert await send(lane, 5) == (b'{"total":5}', False)
    await send(lane, 1, "key-2")
    assert await send(lane, 5) == (b'{"total":5}', True)
    assert total(store) == 6


async def test_twins_at_the_same_moment_over_two_lanes_have_one_effect(lane: Lane, store: Wobbly) -> None:
    async with running(store, max_batch=2) as other:
        answers = await asyncio.gather(*(send(one, 5) for one in [lane, other] * 10))
    assert {body for body, _ in answers} == {b'{"total":5}'}
    assert [replayed for _, replayed in answers].count(False) == 1
    assert total(store) == 5


async def test_another_wish_under_the_same_key_is_refused_and_changes_nothing(lane: Lane, store: Wobbly) -> None:
    await send(lane, 5)
    with pytest.raises(Exception, match="Idempotency-Key: was used before") as refused:
        await send(lane, 6)
    assert getattr(refused.value, "status", None) == 422
    assert total(store) == 5


async def test_keys_belong_to_their_caller(lane: Lane, store: Wobbly) -> None:
    await send(lane, 5)
    assert await send(lane, 6, caller=Principal("rider-2", Role.RIDER, "140302003")) == (b'{"total":11}', False)


async def test_a_refusal_is_not_kept_so_that_the_wish_can_come_true_later(lane: Lane, store: Wobbly) -> None:
    for _ in range(2):
        with pytest.raises(Conflict):
            await send(lane, 101)
    assert not store.documents
    assert await send(lane, 101 - 1) == (b'{"total":100}', False)


async def test_an_unknown_outcome_is_found_out_by_repeating(lane: Lane, store: Wobbly) -> None:
    store.faults = [("after", Transient())]
    assert await send(lane, 5) == (b'{"total":5}', True)
    assert total(store) == 5


async def test_what_was_not_stored_is_not_answered(store: Wobbly) -> None:
    lane = Lane(store)  # it does not run, as while the database is away
    with pytest.raises(Unavailable):
        await lane.submit(Once("k", "f", 200, Add(1)), seconds=0.02)
    assert Ref(ANSWERS, "k") not in store.documents


def test_equal_wishes_have_equal_fingerprints() -> None:
    one = fingerprint(Wish.model_validate_json('{"amount": 5, "note": "a"}'))
    assert one == fingerprint(Wish.model_validate_json('{ "note":"a","amount":5 }'))
    others = [
        fingerprint(Wish(amount=5)),
        fingerprint(Wish(amount=6, note="a")),
        fingerprint(Wish(amount=5, note="a"), "x"),
    ]
    assert len({one, *others}) == 4


@pytest.fixture
async def client(lane: Lane) -> AsyncIterator[httpx2.AsyncClient]:
    router = APIRouter()

    @router.post("/add")
    async def add(wish: Wish, key: Key) -> Response:
        return await submit_once(lane, RIDER, key, fingerprint(wish), Add(wish.amount))

    app = create("test", metrics=Metrics("test", "api", "v1"), checks={}, routers=[router], policy=open_to_all(router))
    async with served(app) as client:
        yield client


async def test_over_http_a_key_is_needed_and_named(client: httpx2.AsyncClient, store: Wobbly) -> None:
    for headers in ({}, {"Idempotency-Key": ""}):
        response = await client.post("/add", json={"amount": 1}, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "idempotency-key-missing")
        assert "Idempotency-Key" in response.json()["detail"]
    response = await client.post("/add", json={"amount": 1}, headers={"Idempotency-Key": "x" * 129})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert total(store) is None


async def test_over_http_the_stored_answer_says_that_it_is_one(client: httpx2.AsyncClient, store: Wobbly) -> None:
    first, second = [
        await client.post("/add", json={"amount": 1}, headers={"Idempotency-Key": "k" * 128}) for _ in range(2)
    ]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert first.content == second.content == b'{"total":1}'
    reused = await client.post("/add", json={"amount": 2}, headers={"Idempotency-Key": "k" * 128})
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert total(store) == 1
