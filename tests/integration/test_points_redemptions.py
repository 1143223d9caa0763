"""Redemptions in a real MongoDB: rivals of one stock, two processes at once, and what riders and desks see over HTTP."""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from services.points.domain.member import Member
from services.points.domain.redemption import Redemption, State
from services.points.domain.stock import OutOfStock
from services.points.handing_out import Expire
from services.points.member_store import MEMBERS
from services.points.policy import POLICY
from services.points.prize_census import PrizeCensus
from services.points.prize_metrics import PrizeMetrics
from services.points.prize_store import REDEMPTIONS
from services.points.store import COLLECTIONS, PLAN
from shared.clock import system_clock
from shared.metrics import Metrics
from shared.mongo.forgetting import RenameTogether
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.timers import Timer, Timers
from shared.pseudonym import Person, Pseudonyms
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.lanes import running
from tests.support.pointing import Ledger
from tests.support.redeeming import (
    BEIDAJIE,
    HERE,
    NEXT,
    Counter,
    StubShelf,
    a_home,
    a_prize,
    ending,
    routers,
    shop_in,
)
from tests.support.serving import rows_of, served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
ANNA, BERT = bearer(SIGNER.token("rider", "anna", communities=[NEXT])), bearer(SIGNER.token("rider", "bert"))
STAFF = bearer(SIGNER.token("staff", "s1", communities=[HERE]))
NEIGHBOUR = bearer(SIGNER.token("staff", "s3", communities=[NEXT]))
SHELF = StubShelf(has=[a_prize(stock=2), a_prize("helmet", 60)])


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened
        (await shop_in(opened.database)).check()
        (await Ledger.read(opened.database)).check()


@pytest.fixture
async def lane(store: MongoStore) -> AsyncIterator[Lane]:
    async with running(store.transactor) as lane:
        yield lane


async def tries(wishes: Sequence[Any]) -> list[Any]:
    return await asyncio.gather(*wishes, return_exceptions=True)


async def test_scenario_37_one_reservation_and_the_rest_hear_out_of_stock(store: MongoStore, lane: Lane) -> None:
    """Ten parallel requests each, through two processes."""
    async with running(store.transactor) as other:
        desks = {"anna": Counter(lane, asked_at=system_clock()), "bert": Counter(other, asked_at=system_clock())}
        await desks["anna"].fund("anna", "bert")
        wishes = [desk.reserve(rider, f"wish-{n}") for n in range(10) for rider, desk in desks.items()]
        results = await tries(wishes)
    won = [result for result in results if isinstance(result, Redemption)]
    assert len(won) == 1
    assert sum(isinstance(result, OutOfStock) for result in results) == 19
    ledger = await Ledger.read(store.database)
    (loser,) = {"anna", "bert"} - {won[0].rider}
    assert ledger.balances() == {won[0].rider: (5, 0), loser: (10, 0)}
    assert len(ledger.lines(loser)) == 1

    await desks["anna"].cancel(won[0])
    ledger = await Ledger.read(store.database)
    assert [line.kind.value for line in ledger.lines(won[0].rider)] == ["post", "reserve", "cancel"]
    assert ledger.balances() == {"anna": (10, 0), "bert": (10, 0)}
    assert (await shop_in(store.database)).stock().left == 1


@pytest.mark.slow
async def test_four_hundred_rivals_of_a_hundred_pieces_over_two_processes(
    store: MongoStore, lane: Lane, record_property: Callable[[str, object], None]
) -> None:
    """32 riders ask 400 times, each again and again under keys of their own: exactly 100, nothing negative."""
    shelf = StubShelf(kept=[a_home(budget=100_000)], has=[a_prize(points=1, stock=100)])
    shelf.has[0].stock.pop("home-b")  # type: ignore[attr-defined]
    riders = [f"rider-{number}" for number in range(32)]
    async with running(store.transactor) as other:
        lanes = (lane, other)
        desks = [Counter(own, shelf, system_clock()) for own in lanes]
        await desks[0].fund(*riders, points=100)
        before = [own.stats.contended for own in lanes]
        started = time.monotonic()

        async def client(number: int) -> list[Any]:
            """One client asks one after the other."""
            asked = [desks[number % 2].reserve(riders[number], f"wish-{n}") for n in range(400 // 32 + (number < 16))]
            return [(await tries([wish]))[0] for wish in asked]

        answers = await asyncio.gather(*(client(number) for number in range(32)))
        seconds = time.monotonic() - started
        contended = [own.stats.contended - was for own, was in zip(lanes, before, strict=True)]
    results = [one for many in answers for one in many]
    assert len(results) == 400
    won = [result for result in results if isinstance(result, Redemption)]
    assert (len(won), sum(isinstance(result, OutOfStock) for result in results)) == (100, 300)
    stock = (await shop_in(store.database)).stock()
    assert (stock.left, stock.reserved, stock.picked_up) == (0, 100, 0)
    record_property("seconds", round(seconds, 2))
    record_property("contended_batches", str(contended))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_four_hundred_rivals_of_a_hundred_pieces_over_http_through_two_replicas(
    store: MongoStore, lane: Lane, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Two served apis, each with a lane of its own, on one database; 32 clients ask 400 times: exactly 100."""
    shelf = StubShelf(kept=[a_home(budget=100_000)], has=[a_prize(points=1, stock=100, limit_month=None)])
    riders = [f"rider-{number}" for number in range(32)]
    await Counter(lane, shelf, system_clock()).fund(*riders, points=100)
    async with AsyncExitStack() as open_:
        other = await open_.enter_async_context(running(store.transactor))
        apis = [await open_.enter_async_context(replica(store, own, shelf, tmp_path)) for own in (lane, other)]
        started = time.monotonic()

        async def client(number: int) -> list[tuple[int, str]]:
            """Asks one after the other, at one replica and the other by turns."""
            who = bearer(SIGNER.token("rider", riders[number]))
            answers = []
            for n in range(400 // 32 + (number < 16)):
                body = {"client_key": f"wish-{n:04}", "home": "home-a", "prize": "towel"}
                answer = await apis[(number + n) % 2].post("/v1/redemptions", headers=who, json=body)
                answers.append((answer.status_code, answer.json().get("code", "held")))
            return answers

        found = await asyncio.gather(*(client(number) for number in range(32)))
        record_property("seconds", round(time.monotonic() - started, 2))
    told = Tally(one for many in found for one in many)
    assert told == {(201, "held"): 100, (409, "out-of-stock"): 300}
    shop, ledger = await shop_in(store.database), await Ledger.read(store.database)
    stock = shop.stock()
    assert (stock.left, stock.reserved, stock.picked_up) == (0, 100, 0)
    assert len(shop.redemptions()) == 100
    assert sum(balance for balance, _ in ledger.balances().values()) == 32 * 100 - 100


@pytest.mark.slow
async def test_within_one_lane_rivals_never_meet(store: MongoStore, lane: Lane) -> None:
    shelf = StubShelf(kept=[a_home(budget=100_000)], has=[a_prize(points=1, stock=20)])
    desk = Counter(lane, shelf, system_clock())
    await desk.fund(*(f"rider-{number}" for number in range(40)))
    before = (lane.stats.contended, lane.stats.split)
    results = await tries([desk.reserve(f"rider-{number}") for number in range(40)])
    assert sum(isinstance(result, Redemption) for result in results) == 20
    assert (lane.stats.contended, lane.stats.split) == before


async def test_the_timer_gives_points_and_piece_back(store: MongoStore, lane: Lane) -> None:
    desk = Counter(lane, asked_at=system_clock())
    await desk.fund("anna")
    held = await desk.reserve("anna")
    timers = Timers(
        store.database,
        lane,
        Lease(store.database, "timers", "test"),
        [Timer(REDEMPTIONS.collection, lambda id_: Expire(ending(id_, "system:points")))],
    )
    await timers._lease.try_hold()
    await timers.step()
    assert (await shop_in(store.database)).redemptions()[0].state is State.RESERVED
    past = datetime.now(UTC) - timedelta(seconds=1)
    document = store.get(REDEMPTIONS.ref(held.id))
    assert document is not None
    store.put("redemptions", {**document, "expires_at": past, "wake_at": past})
    await timers.step()
    (expired,) = (await shop_in(store.database)).redemptions()
    assert (expired.state, expired.wake_at) == (State.EXPIRED, None)
    assert (await Ledger.read(store.database)).balances() == {"anna": (10, 0)}


async def test_who_is_forgotten_gets_his_points_back_under_the_pseudonym(store: MongoStore, lane: Lane) -> None:
    """Passbook and redemptions are renamed in one transaction, so whatever comes later finds both."""
    desk = Counter(lane, asked_at=system_clock())
    await desk.fund("anna")
    held = await desk.reserve("anna")
    person = Person("anna", Pseudonyms(b"k" * 32).of("anna"))
    assert PLAN.together is not None
    ids = await PLAN.together(store.database, person)
    assert await lane.submit(RenameTogether(ids, person, PLAN))
    await desk.cancel(held, Scope(person.pseudonym, f"rider:{person.pseudonym}", BEIDAJIE))
    shop = await shop_in(store.database)
    assert [redemption.rider for redemption in shop.redemptions()] == [person.pseudonym]
    assert [taken["_id"].startswith(person.pseudonym) for taken in shop.documents["taken"]] == [True]
    assert (await Ledger.read(store.database)).balances() == {person.pseudonym: (10, 0)}


async def test_the_census_counts_what_is_stored(store: MongoStore, lane: Lane) -> None:
    desk, registry = Counter(lane, asked_at=system_clock()), CollectorRegistry()
    await desk.fund("anna", "bert")
    await desk.pick_up(await desk.reserve("anna"))
    held = await desk.reserve("bert", home="home-b")
    past = datetime.now(UTC) - timedelta(seconds=1)
    document = store.get(REDEMPTIONS.ref(held.id))
    assert document is not None
    store.put("redemptions", {**document, "expires_at": past})
    member = Member("anna", 1, BEIDAJIE, "rider", "active", community=HERE)
    store.put("members", {**MEMBERS.dump(member), "version": 1})
    census = PrizeCensus(store.database, SHELF, [BEIDAJIE], PrizeMetrics(registry))
    await census.look()

    def shown(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"qianshao_points_{name}", labels)

    assert [shown("low_prizes", home=home) for home in ("home-a", "home-b")] == [2, 2]
    assert [shown("redemptions", state=state) for state in ("reserved", "picked_up", "expired")] == [1, 1, 0]
    assert shown("overdue_reservations") == 1
    assert [shown("redeemed_points", home=home) for home in ("home-a", "home-b")] == [5, 0]
    assert [shown("liability_points", home=home) for home in ("home-a", "home-b")] == [5, 5]


@pytest.fixture
async def client(store: MongoStore, lane: Lane, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """anna and bert have 10 points each, and live next door and here."""
    await Counter(lane).fund("anna", "bert")
    for rider, community, status in (("anna", NEXT, "active"), ("bert", HERE, "trainee")):
        member = Member(rider, 1, BEIDAJIE, "rider", status, "squad-1", community=community)
        store.put("members", {**MEMBERS.dump(member), "version": 1})
    async with replica(store, lane, SHELF, tmp_path) as client:
        yield client


@asynccontextmanager
async def replica(store: MongoStore, lane: Lane, shelf: StubShelf, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The api of points as one of its replicas: behind a socket, with this lane."""
    own = routers(store.database, lane, shelf)
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(folder / "jwks.json")), ISSUER, AUDIENCE)
    metrics, policy = Metrics("points", "api", "r"), rows_of(POLICY, *own)
    app = create("points", metrics=metrics, checks={}, routers=own, policy=policy, verifier=verifier)
    async with served(app) as client:
        yield client


async def get(client: httpx2.AsyncClient, path: str, who: dict[str, str], status: int = 200) -> Any:
    answer = await client.get(path, headers=who)
    assert answer.status_code == status, answer.text
    return answer.json()


async def post(client: httpx2.AsyncClient, path: str, who: dict[str, str], status: int = 200, **body: Any) -> Any:
    answer = await client.post(path, headers=who, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def wish(client: httpx2.AsyncClient, who: dict[str, str], status: int = 201, **changes: Any) -> Any:
    body = {"client_key": "phone-0001", "home": "home-a", "prize": "towel", **changes}
    return await post(client, "/v1/redemptions", who, status, **body)


async def test_a_rider_reserves_and_shows_a_code_and_the_desk_hands_out(client: httpx2.AsyncClient) -> None:
    held = await wish(client, ANNA)
    assert (held["state"], held["points"], held["rider"]) == ("reserved", 5, "anna")
    assert "secret" not in str(held)
    assert await wish(client, ANNA) == held
    proof = await get(client, f"/v1/redemptions/{held['redemption']}/token", ANNA)
    assert (len(proof["code"]), proof["home"]) == (8, "home-a")
    assert proof["svg"].startswith("<svg")
    await get(client, f"/v1/redemptions/{held['redemption']}/token", BERT, 404)
    await get(client, f"/v1/redemptions/{held['redemption']}/token", STAFF, 403)
    await post(client, "/v1/redemptions/pickup", NEIGHBOUR, 404, token=proof["token"])
    await post(client, "/v1/redemptions/pickup", ANNA, 403, token=proof["token"])
    done = await post(client, "/v1/redemptions/pickup", STAFF, token=proof["token"], home="home-a")
    assert [line["state"] for line in done["lines"]] == ["reserved", "picked_up"]
    again = await post(client, "/v1/redemptions/pickup", STAFF, 409, token=proof["token"])
    assert again["code"] == "redemption-over"
    gone = await get(client, f"/v1/redemptions/{held['redemption']}/token", ANNA, 409)
    assert gone["code"] == "redemption-over"


async def test_a_code_is_good_at_its_home_once_and_guessing_ends(client: httpx2.AsyncClient) -> None:
    held = await wish(client, ANNA)
    code = (await get(client, f"/v1/redemptions/{held['redemption']}/token", ANNA))["code"]
    everywhere = bearer(SIGNER.token("staff", "s2"))
    await post(client, "/v1/redemptions/pickup", everywhere, 404, code=code, home="home-b")
    await post(client, "/v1/redemptions/pickup", NEIGHBOUR, 404, code=code, home="home-a")
    done = await post(client, "/v1/redemptions/pickup", STAFF, code=code, home="home-a")
    assert done["state"] == "picked_up"
    await post(client, "/v1/redemptions/pickup", STAFF, 404, code=code, home="home-a")
    wrong = [
        await client.post("/v1/redemptions/pickup", headers=STAFF, json={"code": f"{n:08}", "home": "home-a"})
        for n in range(10)
    ]
    assert wrong[-1].status_code == 429
    assert wrong[-1].headers["Retry-After"] == "600"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/redemptions", {"home": "home-a", "prize": "towel"}, "client_key"),
        ("/v1/redemptions", {"client_key": "phone-0001", "home": "home-a", "prize": "car"}, "prize"),
        ("/v1/redemptions", {"client_key": "phone-0001", "home": "home-a", "prize": "towel", "pieces": 2}, "pieces"),
    ],
)
async def test_bad_wishes_are_named_and_nothing_is_kept(
    client: httpx2.AsyncClient, store: MongoStore, path: str, body: dict[str, Any], field: str
) -> None:
    refused = await post(client, path, ANNA, 422, **body)
    assert field in [error["field"] for error in refused["errors"]]
    assert await store.database["redemptions"].count_documents({}) == 0
    await wish(client, ANNA, 404, home="home-z")


@pytest.mark.parametrize(
    "body", [{}, {"token": "x", "code": "12345678"}, {"code": "1234"}, {"code": "12345678"}, {"token": "x"}]
)
async def test_bad_proofs_are_named(client: httpx2.AsyncClient, body: dict[str, Any]) -> None:
    refused = await post(client, "/v1/redemptions/pickup", STAFF, 422, **body)
    assert refused["errors"]


async def test_cancelling_is_the_riders_or_the_desks_with_a_reason(client: httpx2.AsyncClient) -> None:
    first, second = await wish(client, ANNA), await wish(client, ANNA, client_key="phone-0002")
    await post(client, f"/v1/redemptions/{first['redemption']}/cancel", BERT, 404)
    await post(client, f"/v1/redemptions/{first['redemption']}/cancel", STAFF, 422)
    await post(client, f"/v1/redemptions/{first['redemption']}/cancel", NEIGHBOUR, 404, reason="x")
    await post(client, f"/v1/redemptions/{first['redemption']}/cancel", ANNA)
    told = await post(client, f"/v1/redemptions/{second['redemption']}/cancel", STAFF, reason="缺货")
    assert told["lines"][-1]["reason"] == "缺货"
    mine = await get(client, "/v1/redemptions?state=cancelled", ANNA)
    assert [one["redemption"] for one in mine] == [second["redemption"], first["redemption"]]
    older = await get(client, f"/v1/redemptions?before={mine[0]['reserved_at'].replace('+', '%2B')}", STAFF)
    assert [one["redemption"] for one in older] == [first["redemption"]]
    assert await get(client, "/v1/redemptions", BERT) == []
    assert await get(client, "/v1/redemptions?home=home-a", NEIGHBOUR) == []
    await get(client, "/v1/redemptions?before=2026-01-01T00:00:00", STAFF, 422)
    await get(client, f"/v1/redemptions/{first['redemption']}", BERT, 404)


async def test_homes_are_listed_mine_first_with_what_they_have(client: httpx2.AsyncClient) -> None:
    homes = await get(client, "/v1/homes", ANNA)
    assert [(home["home"], home["mine"]) for home in homes] == [("home-b", True), ("home-a", False)]
    one = await get(client, "/v1/homes/home-a", BERT)
    assert (one["hours"], one["haves"], one["missing"]) == ("08:00-20:00", ["sign"], ["training"])
    assert one["individual"] == [{"code": "gifts", "zh": "礼物", "en": "gifts"}]
    await wish(client, ANNA)
    prizes = await get(client, "/v1/homes/home-a/prizes", BERT)
    assert [(prize["prize"], prize["points"], prize["left"]) for prize in prizes] == [
        ("towel", 5, 1),
        ("helmet", 60, 1),
    ]
    await get(client, "/v1/homes/home-z", ANNA, 404)
    await get(client, "/v1/homes/home-a", bearer(SIGNER.token("rider", "x", subdistrict="140302004")), 404)


async def test_the_desk_sees_stock_and_account_and_writes_lines(client: httpx2.AsyncClient) -> None:
    await wish(client, ANNA)
    for path in ("/v1/homes/home-a/stock", "/v1/homes/home-a/account", "/v1/homes/home-a/budget"):
        await get(client, path, ANNA, 403)
        await get(client, path, NEIGHBOUR, 404)
    low = await get(client, "/v1/stock/low", STAFF)
    assert [(one["home"], one["prize"], one["left"]) for one in low] == [
        ("home-a", "towel", 1),
        ("home-a", "helmet", 1),
    ]
    came = {"client_key": "paper-0001", "prize": "towel", "kind": "delivery", "pieces": 5, "note": "端午"}
    line = await post(client, "/v1/homes/home-a/stock", STAFF, 201, **came)
    assert (line["number"], line["stocked"]) == (3, 7)
    assert await post(client, "/v1/homes/home-a/stock", STAFF, 201, **came) == line
    await post(client, "/v1/homes/home-a/stock", NEIGHBOUR, 404, **came)
    bad = await post(
        client,
        "/v1/homes/home-a/stock",
        STAFF,
        422,
        **{**came, "client_key": "paper-0002", "kind": "count", "pieces": -1},
    )
    assert "pieces" in str(bad["errors"])
    counted = {**came, "client_key": "paper-0003", "kind": "count", "pieces": 6}
    assert (await post(client, "/v1/homes/home-a/stock", STAFF, 201, **counted))["pieces"] == -1
    moves = await get(client, "/v1/homes/home-a/stock/towel/movements?after=1", STAFF)
    assert [move["kind"] for move in moves] == ["reserve", "delivery", "count"]
    assert [one["prize"] for one in await get(client, "/v1/stock/low", STAFF)] == ["helmet"]

    month = system_clock().astimezone(SHELF.zone(BEIDAJIE)).strftime("%Y-%m")
    more = {"client_key": "paper-0004", "period": month, "points": 100, "sponsor": "商户", "reason": "捐赠"}
    await post(client, "/v1/homes/home-a/budget", STAFF, 201, **more)
    await post(client, "/v1/homes/home-a/budget", STAFF, 422, **{**more, "period": "2026-Q4"})
    assert [one["points"] for one in await get(client, "/v1/homes/home-a/budget", STAFF)] == [100]
    account = await get(client, "/v1/homes/home-a/account", STAFF)
    assert (account["budget"], account["held"], account["left"]) == (700, 5, 695)
    assert (account["balances"], account["reserved"], account["liability"]) == (10, 5, 15)  # bert lives here
    assert account["forecast"] == 0


async def test_benefits_are_entered_for_those_they_are_for(client: httpx2.AsyncClient) -> None:
    gift = {
        "client_key": "paper-0001",
        "home": "home-a",
        "riders": ["anna", "bert"],
        "sort": "insurance",
        "name_zh": "大病保险",
        "name_en": "insurance",
        "given_at": "2026-07-01T09:00:00+08:00",
    }
    refused = await post(client, "/v1/benefits", STAFF, 422, **gift, whom={"status": ["active"]})
    assert [(e["field"], "trainee" in e["reason"]) for e in refused["errors"]] == [("riders.1", True)]
    unknown = await post(client, "/v1/benefits", STAFF, 422, **{**gift, "riders": ["nobody"]})
    assert unknown["errors"][0]["field"] == "riders.0"
    future = await post(client, "/v1/benefits", STAFF, 422, **{**gift, "given_at": "2099-01-01T00:00:00Z"})
    assert future["errors"][0]["field"] == "given_at"
    await post(client, "/v1/benefits", NEIGHBOUR, 404, **gift)
    assert await get(client, "/v1/benefits", STAFF) == []
    given = await post(client, "/v1/benefits", STAFF, 201, **gift)
    assert [(one["rider"], one["by"]) for one in given] == [("anna", "staff:s1"), ("bert", "staff:s1")]
    assert await post(client, "/v1/benefits", STAFF, 201, **gift) == given
    assert [one["rider"] for one in await get(client, "/v1/benefits", ANNA)] == ["anna"]
    assert await get(client, "/v1/benefits", NEIGHBOUR) == []
    await post(client, f"/v1/benefits/{given[0]['benefit']}/revoke", NEIGHBOUR, 404, reason="x")
    await post(client, f"/v1/benefits/{given[0]['benefit']}/revoke", STAFF, reason="误登")
    await post(client, f"/v1/benefits/{given[0]['benefit']}/revoke", STAFF, 409, reason="误登")
    table = await client.get("/v1/benefits.csv", headers=STAFF)
    text = table.content.decode("utf-8-sig")
    assert table.content.startswith(b"\xef\xbb\xbf")
    assert len(text.splitlines()) == 3
    assert "大病保险" in text
    assert (await client.get("/v1/benefits.csv?since=2026-07-02T00:00:00Z", headers=STAFF)).text.count("\n") == 1


def this_month() -> str:
    return system_clock().astimezone(SHELF.zone(BEIDAJIE)).strftime("%Y-%m")


async def words(client: httpx2.AsyncClient, path: str, who: dict[str, str], status: int = 200, **body: Any) -> str:
    sent = client.post(path, headers=who, json=body) if body else client.get(path, headers=who)
    answer = await sent
    assert answer.status_code == status, answer.text
    return answer.content.decode("utf-8-sig")


async def test_statements_are_made_of_what_is_stored(client: httpx2.AsyncClient, store: MongoStore) -> None:
    held = await wish(client, ANNA)
    month, before = this_month(), "2025-01"
    mine = await words(client, f"/v1/statements/{month}.pdf", ANNA)
    for fact in ("期初余额 opening balance\n0\n", "期末余额 closing balance\n5\n", "兑换预约 reserved"):
        assert fact in mine
    book = (await Ledger.read(store.database)).passbooks["anna"]
    assert book.digest in mine
    assert book.digest in await words(client, f"/v1/statements/{month}.csv", ANNA)
    assert "期末余额 closing balance\n0\n" in await words(client, f"/v1/statements/{before}.pdf", ANNA)
    assert "期末余额 closing balance\n5\n" in await words(client, "/v1/statements/2099-01.pdf", ANNA)
    assert "anna" in await words(client, f"/v1/passbooks/anna/statements/{month}.pdf", STAFF)
    await words(client, f"/v1/passbooks/nobody/statements/{month}.pdf", STAFF, 404)
    await words(client, "/v1/statements/2026-13.pdf", ANNA, 422)

    proof = await get(client, f"/v1/redemptions/{held['redemption']}/token", ANNA)
    await post(client, "/v1/redemptions/pickup", STAFF, token=proof["token"])
    home = await words(client, f"/v1/homes/home-a/statements/{month}.csv", STAFF)
    assert "毛巾 Towel,2,0,0,1,1" in home
    assert home.count("毛巾 Towel,") == 3  # both prizes of the shelf are called so, one was handed out
    assert "points redeemed,5" in home
    assert "anna" not in home
    report = await words(client, f"/v1/reports/{month}.csv", STAFF)
    for line in ("riders awarded,2", "points awarded,20", "help,2,20", "picked up,1,5"):
        assert line in report
    await words(client, f"/v1/reports/{month}.csv", ANNA, 403)


async def test_certificates_and_notices_are_the_desks(client: httpx2.AsyncClient) -> None:
    days: dict[str, Any] = {"name": "张三", "since": "2020-01-01", "until": "2099-12-31"}
    made = await words(client, "/v1/passbooks/anna/certificate.pdf", STAFF, **days)
    assert "张三" in made
    assert "帮助居民 help\n1\n10" in made
    await words(client, "/v1/passbooks/anna/certificate.pdf", STAFF, 422, **{**days, "until": "2019-12-31"})
    month = this_month()
    quarter = f"{month[:4]}-Q{(int(month[5:]) + 2) // 3}"
    names: Any = {"bert": "欧阳娜娜", "anna": "张三"}
    notice = await words(client, f"/v1/notices/{quarter}.pdf", STAFF, names=names)
    assert "欧**" in notice
    assert "张" not in notice  # she lives next door
    assert "bert" not in notice
    await words(client, "/v1/notices/2026-Q5.pdf", STAFF, 422, names=names)


async def test_places_are_shown_to_riders_alone_and_only_where_that_is_wanted(
    client: httpx2.AsyncClient, store: MongoStore, lane: Lane, tmp_path: Path
) -> None:
    month = this_month()
    assert (await get(client, f"/v1/rankings/{month}", ANNA, 409))["code"] == "rankings-off"
    await get(client, f"/v1/rankings/{month}", STAFF, 403)
    await Counter(lane).fund("anna", points=1, about="more")
    member = Member("bert", 2, BEIDAJIE, "rider", "active", "squad-1", community=HERE)
    store.put("members", {**MEMBERS.dump(member), "version": 2})
    own = routers(store.database, lane, SHELF, rankings=True)
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    metrics = Metrics("points", "api", "r")
    app = create("points", metrics=metrics, checks={}, routers=own, policy=rows_of(POLICY, *own), verifier=verifier)
    async with served(app) as open_:
        places = await get(open_, f"/v1/rankings/{month}", BERT)
        assert places == [
            {"place": 1, "points": 11, "mine": False},
            {"place": 2, "points": 10, "mine": True},
        ]
        await get(open_, f"/v1/rankings/{month}", STAFF, 403)
