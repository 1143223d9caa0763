"""Points' books in a real MongoDB: two processes at once, chains that survive storage, and what people see over HTTP."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.points.api import router
from services.points.domain.entry import Kind
from services.points.domain.ledger import verify_chain
from services.points.policy import POLICY
from services.points.store import COLLECTIONS, MongoViews
from shared.contracts.envelope import Message
from shared.metrics import Metrics
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import (
    BEIDAJIE,
    NINE,
    Ledger,
    Points,
    capped,
    in_envelopes,
    joined,
    moved,
    reported,
    resolved,
)
from tests.support.serving import rows_of, served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
OFFICE = Scope("s1", "staff:s1", BEIDAJIE, desk=True)
ANNA, BERT = bearer(SIGNER.token("rider", "anna")), bearer(SIGNER.token("rider", "bert"))
STAFF = bearer(SIGNER.token("staff", "staff-1"))
ELSEWHERE = bearer(SIGNER.token("staff", "staff-2", subdistrict="140302004"))


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as opened:
        yield opened


@pytest.fixture
async def points(store: MongoStore) -> AsyncIterator[Points]:
    async with running(store.transactor) as lane:
        yield Points(lane)
    (await Ledger.read(store.database)).check()


def busy_day(incidents: int = 12) -> list[list[Message]]:
    """Incidents that all know the same three riders: (report and joins, changes, resolution) of each."""
    lines: list[list[Message]] = []
    for number in range(incidents):
        name, at = f"i{number}", NINE + timedelta(minutes=number)
        mine, hers = reported("anna", name, at), joined("bert", name, at + timedelta(seconds=5))
        his = joined("carl", name, at - timedelta(hours=1), received_at=at + timedelta(hours=1))
        end = [moved("rejected", name)] if number % 3 == 0 else [moved("in_progress", name)]
        fixed = [] if number % 3 == 0 else [resolved(his, mine, hers, incident=name)]
        changes = [moved("triaged", name), *end]
        lines += [in_envelopes([mine]), in_envelopes([hers, his]), in_envelopes(changes), in_envelopes(fixed)]
    return lines


async def test_two_processes_keep_one_set_of_books(store: MongoStore, points: Points) -> None:
    """Every event comes to both, in another order: the same riders' passbooks are fought for all the time."""

    async def work(process: Points, seed: int) -> None:
        lines, chance = busy_day(), random.Random(seed)
        while left := [line for line in lines if line]:
            await asyncio.gather(*(process.deliver(line.pop(0)) for line in chance.sample(left, min(8, len(left)))))

    async with running(store.transactor, max_batch=5) as lane:
        await asyncio.gather(work(points, 1), work(Points(lane), 2))
    ledger = await Ledger.read(store.database)
    assert ledger.balances() == {"anna": (8, 0), "bert": (8, 0), "carl": (40, 0)}
    assert len(ledger.paid()) == 24

    rows = store.rows()
    assert sorted(row["_id"].split(":", 1)[1] for row in rows) == sorted(entry.id for entry in ledger.entries)
    for topic in ("points-awarded", "points-adjusted"):
        for rider in ("anna", "bert", "carl"):
            numbers = [_header(row, "ce_sequence") for row in rows if (row["topic"], row["key"]) == (topic, rider)]
            assert sorted(map(int, numbers)) == list(range(1, len(numbers) + 1))

    memory = MemoryTransactor()
    async with running(memory) as lane:
        for line in busy_day():
            for message in line:
                await Points(lane).deliver(message)
    assert Ledger.of(memory).paid() == ledger.paid()


async def test_a_chain_holds_after_the_database_has_cut_its_times(store: MongoStore, points: Points) -> None:
    precise = NINE + timedelta(microseconds=123_456)
    await points.hear(reported(at=precise), moved("triaged"), resolved(reported(at=precise)))
    ledger = await Ledger.read(store.database)
    views = MongoViews(store.database)
    book = ledger.passbooks["anna"]
    assert verify_chain(await views.entries(OFFICE, "anna", 0, 10) or [], book.digest) is None

    entries = store.behind[store.place.name]["entries"]
    entries.update_one({"kind": Kind.POST.value}, {"$set": {"amount": 500}})
    broken = verify_chain(await views.entries(OFFICE, "anna", 0, 10) or [], book.digest)
    assert broken is not None
    assert broken.entry == "award:inc:hazard_first:anna:post"
    entries.update_one({"kind": Kind.POST.value}, {"$set": {"amount": 5}})


async def test_caps_hold_between_two_processes(store: MongoStore, points: Points) -> None:
    points.rules = capped(day=12)
    mine = [reported("anna", f"i{number}") for number in range(6)]
    told = in_envelopes([resolved(report, incident=report.incident) for report in mine])
    async with running(store.transactor) as lane:
        both = (points, Points(lane, capped(day=12)))
        await asyncio.gather(*(both[number % 2].deliver(message) for number, message in enumerate(told)))
    ledger = await Ledger.read(store.database)
    assert sorted(ledger.paid().values()) == [(0, "cap")] * 4 + [(5, "incident_resolved")] * 2
    assert ledger.balances() == {"anna": (10, 0)}


@pytest.fixture
async def client(store: MongoStore, points: Points, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """anna has been paid for one incident and promised something for another; bert has been promised something."""
    await points.hear(reported(), moved("triaged"), resolved(reported()))
    await points.hear(reported(incident="two"), joined(incident="two"), moved("triaged", "two"))
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    routers = [router(MongoViews(store.database))]
    app = create(
        "points",
        metrics=Metrics("points", "api", "r"),
        checks={},
        routers=routers,
        policy=rows_of(POLICY, *routers),
        verifier=verifier,
    )
    async with served(app) as client:
        yield client


async def ask(client: httpx2.AsyncClient, path: str, who: dict[str, str], status: int = 200) -> Any:
    answer = await client.get(path, headers=who)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_rider_sees_his_own_passbook(client: httpx2.AsyncClient) -> None:
    mine = await ask(client, "/v1/passbook", ANNA)
    assert (mine["rider"], mine["balance"], mine["pending"], mine["entries"]) == ("anna", 5, 5, 3)
    assert (await ask(client, "/v1/passbook", BERT))["pending"] == 1
    await ask(client, "/v1/passbook", STAFF, 403)
    moved_away = bearer(SIGNER.token("rider", "anna", subdistrict="140302004"))
    assert (await ask(client, "/v1/passbook", moved_away))["balance"] == 5


async def test_a_rider_without_points_has_an_empty_passbook(client: httpx2.AsyncClient) -> None:
    newcomer = bearer(SIGNER.token("rider", "zoe"))
    empty = await ask(client, "/v1/passbook", newcomer)
    assert (empty["balance"], empty["entries"], empty["account"]) == (0, 0, None)
    assert await ask(client, "/v1/passbook/entries", newcomer) == []


async def test_lines_are_paged_by_number_and_verify_against_the_passbook(
    client: httpx2.AsyncClient, store: MongoStore
) -> None:
    first = await ask(client, "/v1/passbook/entries?limit=2", ANNA)
    rest = await ask(client, f"/v1/passbook/entries?after={first[-1]['number']}&limit=2", ANNA)
    assert [line["number"] for line in [*first, *rest]] == [1, 2, 3]
    assert [line["kind"] for line in [*first, *rest]] == ["pending", "post", "pending"]
    assert await ask(client, "/v1/passbook/entries?after=3", ANNA) == []
    assert rest[0]["digest"] == (await ask(client, "/v1/passbook", ANNA))["digest"]
    assert first[1]["previous"] == first[0]["digest"]
    await ask(client, "/v1/passbook/entries?limit=0", ANNA, 422)


async def test_staff_see_passbooks_of_their_sub_district_only(client: httpx2.AsyncClient) -> None:
    assert (await ask(client, "/v1/passbooks/anna", STAFF))["balance"] == 5
    assert len(await ask(client, "/v1/passbooks/anna/entries", STAFF)) == 3
    for path in ("/v1/passbooks/{}", "/v1/passbooks/{}/entries"):
        hidden, missing = [await ask(client, path.format(rider), ELSEWHERE, 404) for rider in ("anna", "nobody")]
        assert hidden == missing
        await ask(client, path.format("anna"), BERT, 403)


async def test_why_an_incident_paid_what_it_paid(client: httpx2.AsyncClient) -> None:
    why = await ask(client, "/v1/incidents/inc/points", STAFF)
    assert (why["resolved_cycle"], why["activity"], why["emergency"], why["unpaid"]) == (1, "hazard", False, None)
    assert [seen["rider"] for seen in why["order"]] == ["anna"]
    payment = why["entries"][1]
    assert payment["rider"] == "anna"
    assert payment["line"]["event"] == "incident-resolved:inc:1"
    assert payment["line"]["actor"] == "department:water"
    assert payment["line"]["rule_version"] == "2026-1"

    waiting = await ask(client, "/v1/incidents/two/points", STAFF)
    assert {entry["rider"]: entry["line"]["amount"] for entry in waiting["entries"]} == {"anna": 5, "bert": 1}
    assert waiting["order"] == []
    assert await ask(client, "/v1/incidents/inc/points", ELSEWHERE, 404) == await ask(
        client, "/v1/incidents/none/points", ELSEWHERE, 404
    )
    await ask(client, "/v1/incidents/inc/points", ANNA, 403)


def _header(row: dict[str, Any], name: str) -> str:
    return next(bytes(value).decode() for key, value in row["headers"] if key == name)
