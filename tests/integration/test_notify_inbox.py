"""Inboxes over a real HTTP server and a real MongoDB: pages, streams that miss and repeat nothing, scopes, read marks."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from services.notify import api, stream
from services.notify.api import router
from services.notify.policy import POLICY
from services.notify.store import COLLECTIONS, READ_MARKS, RECIPIENTS, InboxChanges, MongoInboxes
from services.notify.stream import Doorbell
from shared.clock import system_clock
from shared.errors import Invalid
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.mongo.transactions import MongoTransactor
from shared.web import app as web
from shared.web.auth import TokenVerifier, read_jwks
from tests.support import notifying
from tests.support.lanes import running
from tests.support.notifying import HERE, SUBDISTRICT, THERE, StubNames, awarded, hear, inboxes, place, reported, state
from tests.support.serving import rows_of, served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer
from tests.support.waiting import until

SIGNER = Signer()
RIDER = bearer(SIGNER.token("rider", "rider-1"))
OTHER = bearer(SIGNER.token("rider", "rider-2"))


def staff(*communities: str, role: str = "staff", sub: str = "s1", **more: Any) -> dict[str, str]:
    """A staff member of some communities, or of all."""
    return bearer(SIGNER.token(role, sub, communities=list(communities), **more))


@dataclass
class Served:
    """One api process in the loop of the test, and a second writer beside it."""

    store: MongoStore
    lane: Lane
    rival: Lane
    doorbell: Doorbell
    client: httpx2.AsyncClient

    async def get(self, path: str, headers: dict[str, str], **parameters: Any) -> httpx2.Response:
        return await self.client.get(path, headers=headers, params=parameters)

    async def read(self, up_to: int, headers: dict[str, str], key: str | None = None, **query: Any) -> httpx2.Response:
        headers = {**headers, "Idempotency-Key": key or str(uuid.uuid4())}
        return await self.client.post("/v1/inbox/read", json={"up_to": up_to}, headers=headers, params=query)

    async def numbers(self, audience: str) -> list[int]:
        found = await self.store.database["messages"].find({}).to_list(None)
        return [got.sequence for got in inboxes(found) if got.audience == audience]


@asynccontextmanager
async def serving(stack: Stack, tmp_path: Any, *, doorbell_works: bool = True) -> AsyncIterator[Served]:
    async with in_mongo(stack, COLLECTIONS) as store:
        doorbell = Doorbell()
        rival = MongoTransactor(store.client, store.database, system_clock)
        async with running(store.transactor) as lane, running(rival) as other:
            listening = asyncio.create_task(InboxChanges(store.database).listen(doorbell))
            if not doorbell_works:
                listening.cancel()
            routes = router(lane, READ_MARKS, RECIPIENTS, MongoInboxes(store.database), StubNames(), doorbell)
            app = web.create(
                "Qianshao notify",
                metrics=Metrics("notify", "api", "test"),
                checks={},
                routers=[routes],
                policy=rows_of(POLICY, routes),
                verifier=TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE),
            )
            async with served(app) as client:
                try:
                    yield Served(store, lane, other, doorbell, client)
                finally:
                    await doorbell.close()
                    listening.cancel()
                    with suppress(asyncio.CancelledError):
                        await listening


@pytest.fixture
async def notify(stack: Stack, tmp_path: Any) -> AsyncIterator[Served]:
    async with serving(stack, tmp_path) as one:
        yield one


async def test_a_page_is_in_the_readers_language_and_in_order(notify: Served) -> None:
    await hear(notify.lane, [reported(), awarded("e1", 5)])
    answer = await notify.get("/v1/inbox", RIDER)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-language"]) == (200, "zh-CN")
    assert (body["audience"], body["last"], body["read_up_to"]) == ("rider:rider-1", 2, 0)
    first, second = body["messages"]
    assert (first["sequence"], first["template"], first["read"]) == (1, "received", False)
    assert first["id"] == "incident-reported|incident-reported:inc|rider:rider-1"
    assert first["title"] == "已收到上报 7K3M-9QXA"
    assert (first["code"], first["incident"], first["link"]) == ("7K3M-9QXA", "inc", "/p/7K3M-9QXA")
    assert first["at"] == "2026-11-25T01:40:00Z"
    assert first["stored_at"] > "2026"
    assert "第一个上报" in second["text"]

    english = await notify.get("/v1/inbox", RIDER, after=1, limit=1, lang="en")
    assert [m["title"] for m in english.json()["messages"]] == ["+5 points"]
    accepted = await notify.get("/v1/inbox", {**RIDER, "Accept-Language": "fr, en-GB;q=0.8, zh;q=0.3"}, limit=1)
    assert accepted.json()["messages"][0]["title"] == "Report 7K3M-9QXA received"
    assert (await notify.get("/v1/inbox", RIDER, lang="fr")).status_code == 422


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "zh-CN"),
        ("*", "zh-CN"),
        ("zh-TW", "zh-CN"),
        ("en", "en"),
        ("en;q=0, fr", "zh-CN"),
        ("en;q=x", "zh-CN"),
        ("zh;q=0.5,en;q=0.9", "en"),
        ("fr,de", "zh-CN"),
    ],
)
async def test_the_language_is_the_first_of_ours_that_is_accepted(accept: str, expected: str) -> None:
    assert await api.language(None, accept) == expected
    assert await api.language("en", accept) == "en"


async def test_a_message_reaches_an_open_stream_by_the_doorbell(
    notify: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CALM_SECONDS", 60.0)
    monkeypatch.setattr(stream, "POLL_SECONDS", 60.0)
    await until(lambda: notify.doorbell.sound, 10, "the change stream is open")
    async with notifying.stream(notify.client, RIDER) as events:
        await until(lambda: notify.doorbell.listeners, 5, "the stream waits")
        await hear(notify.rival, [reported()])
        async with asyncio.timeout(10):
            number, data = await anext(events)
    assert (number, data["sequence"], data["template"]) == (1, 1, "received")


async def test_without_a_doorbell_a_stream_looks_every_second(stack: Stack, tmp_path: Any) -> None:
    async with (
        serving(stack, tmp_path, doorbell_works=False) as notify,
        notifying.stream(notify.client, RIDER) as events,
    ):
        await until(lambda: notify.doorbell.listeners, 5, "the stream waits")
        await hear(notify.lane, [reported()])
        async with asyncio.timeout(10):
            assert (await anext(events))[0] == 1


async def test_a_client_that_comes_back_misses_and_repeats_nothing_while_two_write(notify: Served) -> None:
    wanted = 160

    async def write(lane: Lane, who: str) -> None:
        for n in range(wanted // 4):
            await hear(lane, [reported(f"{who}-{n}", n), awarded(f"{who}-{n}", n, incident=None)])

    got: list[int] = []
    writers = asyncio.gather(write(notify.lane, "a"), write(notify.rival, "b"))
    stays = 0
    async with asyncio.timeout(60):
        while len(got) < wanted:
            headers = {**RIDER, "Last-Event-ID": str(got[-1])} if got else RIDER
            stays += 1
            async with notifying.stream(notify.client, headers, after=999_999 if got else 0) as events:
                async for number, data in events:
                    assert number == data["sequence"]
                    got.append(number)
                    if len(got) % 13 == 0 or len(got) == wanted:
                        break
    await writers
    assert stays > 10
    assert got == list(range(1, wanted + 1)) == await notify.numbers("rider:rider-1")
    page = (await notify.get("/v1/inbox", RIDER, after=100, limit=200)).json()
    assert [m["sequence"] for m in page["messages"]] == list(range(101, wanted + 1))


async def test_clients_that_vanish_or_do_not_read_hold_up_nobody(
    notify: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
    host, port = notify.client.base_url.host, notify.client.base_url.port
    request = f"GET /v1/inbox/stream HTTP/1.1\r\nHost: x\r\nAuthorization: {RIDER['Authorization']}\r\n\r\n".encode()
    deaf, gone = [await asyncio.open_connection(host, port, limit=1024) for _ in range(2)]
    for _, writer in (deaf, gone):
        writer.write(request)
    await until(lambda: notify.doorbell.listeners == 2, 5, "both streams wait")
    gone[1].transport.abort()
    await until(lambda: notify.doorbell.listeners == 1, 10, "the vanished client's stream has ended")
    async with notifying.stream(notify.client, RIDER) as events:
        for batch in range(10):
            await hear(notify.lane, [reported(f"{batch}-{n}") for n in range(30)])
        async with asyncio.timeout(20):
            assert [(await anext(events))[0] for _ in range(300)] == list(range(1, 301))
    deaf[1].transport.abort()
    await until(lambda: not notify.doorbell.listeners, 10, "no stream is left")


async def test_streams_end_at_once_when_the_process_stops(notify: Served) -> None:
    await until(lambda: notify.doorbell.sound, 10, "nobody polls")
    async with notifying.stream(notify.client, RIDER) as events:
        await until(lambda: notify.doorbell.listeners, 5, "the stream waits")
        await notify.doorbell.close()
        async with asyncio.timeout(2):
            assert [event async for event in events] == []
    async with asyncio.timeout(2), notifying.stream(notify.client, RIDER) as events:
        assert [event async for event in events] == []


async def test_a_stream_ends_after_its_time_so_that_the_token_is_checked_again(
    notify: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LIFE_SECONDS", 0.0)
    async with asyncio.timeout(5), notifying.stream(notify.client, RIDER) as events:
        assert [event async for event in events] == []


async def test_nobody_reads_what_is_not_his(notify: Served) -> None:
    await hear(notify.lane, [reported(), reported("unc", code="0000-0001", place=place(None))])
    mine, here, all_ = "rider:rider-1", f"community:{HERE}", f"subdistrict:{SUBDISTRICT}"
    allowed = [
        (RIDER, mine),
        (staff(HERE), here),
        (staff(), here),
        (staff(), all_),
        (staff(role="lead"), all_),
    ]
    refused = [
        (OTHER, mine),
        (RIDER, here),
        (RIDER, all_),
        (staff(HERE), mine),
        (staff(HERE), f"community:{THERE}"),
        (staff(HERE), all_),
        (staff("140302004001", subdistrict="140302004"), here),
        (staff(subdistrict="140302004"), here),
        (staff(), "community:140302003"),
        (staff(), "department:water"),
        (staff(role="operator"), all_),
        (bearer(SIGNER.token("department", "d1", department="water")), here),
        (staff(sub="rider-1"), mine),
    ]
    for headers, audience in allowed:
        answer = await notify.get("/v1/inbox", headers, audience=audience)
        assert (answer.status_code, answer.json()["last"]) == (200, {mine: 2}.get(audience, 1)), audience
        async with notifying.stream(notify.client, headers, audience=audience) as events:
            assert (await anext(events))[1]["id"].endswith(f"|{audience}")
    for headers, audience in refused:
        for path in ("/v1/inbox", "/v1/inbox/stream"):
            answer = await notify.get(path, headers, audience=audience)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (path, audience)
        assert (await notify.read(0, headers, audience=audience)).status_code == 403
    assert (await notify.get("/v1/inbox", {})).status_code == 401
    assert (await notify.get("/v1/inbox/stream", {})).status_code == 401
    assert (await notify.get("/v1/inbox", OTHER)).json()["messages"] == []
    assert (await notify.get("/v1/inbox", staff(sub="rider-1"))).json()["audience"] == "account:rider-1"


async def test_reading_is_marked_once_and_only_forward_and_for_oneself_only(notify: Served) -> None:
    await hear(notify.lane, [reported(), awarded("e1", 5)])
    key = str(uuid.uuid4())
    first = await notify.read(2, RIDER, key)
    assert (first.status_code, first.json()) == (200, {"audience": "rider:rider-1", "last": 2, "read_up_to": 2})
    again = await notify.read(2, RIDER, key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (await notify.read(1, RIDER, key)).json()["code"] == "idempotency-key-reused"
    assert (await notify.read(1, RIDER)).json()["read_up_to"] == 2
    assert [m["read"] for m in (await notify.get("/v1/inbox", RIDER)).json()["messages"]] == [True, True]

    too_far = await notify.read(3, RIDER)
    assert (too_far.status_code, too_far.json()["errors"][0]["field"]) == (422, "up_to")
    assert (await notify.read(-1, RIDER)).status_code == 422
    without = await notify.client.post("/v1/inbox/read", json={"up_to": 1}, headers=RIDER)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency-key-missing")

    here = f"community:{HERE}"
    assert (await notify.read(1, staff(HERE), audience=here)).json()["read_up_to"] == 1
    colleague = await notify.get("/v1/inbox", staff(HERE, sub="s2"), audience=here)
    assert (colleague.json()["read_up_to"], colleague.json()["messages"][0]["read"]) == (0, False)


async def test_a_place_to_resume_from_must_be_a_number(notify: Served) -> None:
    for header in ("x", "-1", "1.5", "1 2"):
        answer = await notify.get("/v1/inbox/stream", {**RIDER, "Last-Event-ID": header})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Last-Event-ID"), header
    assert (await notify.get("/v1/inbox/stream", RIDER, after=-1)).status_code == 422
    with pytest.raises(Invalid):
        await api.resume(0, "٣")


async def test_many_riders_of_one_text_share_it_and_each_reads_his_own_number(notify: Served) -> None:
    joined = [notifying.updated("joined", n, 1, rider=f"rider-{n}") for n in range(2, 40)]
    await hear(notify.lane, [reported(), *joined, state("temporary_safe", 1, 5)])
    texts = await notify.store.database["messages"].find({"template": "temporary_safe"}).to_list(None)
    assert [len(text["to"]) for text in texts] == [39]
    for n in (2, 39):
        body = (await notify.get("/v1/inbox", bearer(SIGNER.token("rider", f"rider-{n}")))).json()
        assert [m["template"] for m in body["messages"]] == ["joined", "temporary_safe"]
    mine = {"audience": "rider:rider-2", "sequence": {"$gt": 0, "$lte": 50}}
    look = {"find": "messages", "filter": {"to": {"$elemMatch": mine}}}
    plan = await notify.store.database.command("explain", look, verbosity="executionStats")
    assert plan["executionStats"]["totalKeysExamined"] <= 3, "both halves of the index are used"


async def test_two_processes_that_hear_one_story_by_different_topics_tell_it_once(notify: Served) -> None:
    for n in range(15):
        first, second = (reported(f"i{n}", n), state("in_progress", 1, n + 1, incident=f"i{n}"))
        await asyncio.gather(hear(notify.lane, [first]), hear(notify.rival, [second]))
    assert await notify.numbers("rider:rider-1") == list(range(1, 31))


@pytest.mark.slow
async def test_a_stream_outlives_a_database_that_is_away(fragile: Stack, tmp_path: Any) -> None:
    async with serving(fragile, tmp_path) as notify, notifying.stream(notify.client, RIDER) as events:
        await until(lambda: notify.doorbell.sound, 10, "the change stream is open")
        await fragile.mongo.kill()
        await until(lambda: not notify.doorbell.sound, 10, "the doorbell knows that it is broken, and streams look")
        answer = await notify.get("/v1/inbox", RIDER)  # fails after the stream's own look, which began before
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        await fragile.mongo.start()
        await hear(notify.lane, [reported()])
        async with asyncio.timeout(20):
            assert (await anext(events))[0] == 1
        await until(lambda: notify.doorbell.sound, 20, "the doorbell is mended")
