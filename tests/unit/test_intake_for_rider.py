"""Staff write for a rider: whose rider, whose place, what is told and pasted back; and the proof slip of any report."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ops.check.incident_rules import reports as rule_1
from ops.check.snapshot import Snapshot
from services.intake import for_rider_api, slip_api
from services.intake.domain.report import Incident, Report
from services.intake.domain.sentence import sentence
from services.intake.policy import REPORTS as REPORT_ROUTES
from services.intake.store import INCIDENTS, PLAN, REPORTS
from shared.contracts.incident_reported import IncidentReported
from shared.ids import report_id
from shared.metrics import Metrics
from shared.pseudonym import Person
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.intaking import GRID, MemoryPeople, MemoryPhotos, StubRules, photo, place, report, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.people import account
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER, OTHER = bearer(SIGNER.token()), bearer(SIGNER.token(sub="rider-2"))
HERE = GRID.community
STAFF = bearer(SIGNER.token("staff", "staff-1", communities=[HERE]))
NEXT_DOOR = bearer(SIGNER.token("staff", "staff-2", communities=["140302003006"]))
ROUTES = ("POST /v1/riders/{rider}/reports", "GET /v1/reports/{report_id}/slip")


@dataclass
class House:
    """Both routes over a memory store, behind a socket."""

    store: MemoryTransactor
    photos: MemoryPhotos
    people: MemoryPeople
    rules: StubRules
    client: httpx2.AsyncClient

    async def enter(self, rider: str = "rider-1", headers: dict[str, str] = STAFF, **changes: Any) -> httpx2.Response:
        body = wish(**{"client_key": "desk-0001", **changes})
        return await self.client.post(f"/v1/riders/{rider}/reports", json=body, headers=headers)

    async def slip(self, id_: str, headers: dict[str, str] = RIDER, accept: str = "text/html") -> httpx2.Response:
        return await self.client.get(f"/v1/reports/{id_}/slip", headers={**headers, "Accept": accept})

    def stored(self) -> list[Report]:
        return [REPORTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "reports"]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, rules = MemoryTransactor(), StubRules()
    photos, people = MemoryPhotos(store=store), MemoryPeople([account(community=HERE)])
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        desk = replace(taking(lane, store, photos, rules), clock=lambda: NOW)
        routes = [for_rider_api.router(desk, people), slip_api.router(desk, rules)]
        policy = {name: REPORT_ROUTES[name] for name in ROUTES}
        metrics = Metrics("intake", "api", "v1")
        app = create("intake", metrics=metrics, checks={}, routers=routes, policy=policy, verifier=verifier)
        async with served(app) as client:
            yield House(store, photos, people, rules, client)


async def test_a_report_for_a_rider_is_his_and_says_who_entered_it(house: House) -> None:
    house.photos.photos["p1"] = photo("p1", "staff:staff-1")
    response = await house.enter(photo_ids=["p1"])
    body = response.json()
    assert response.status_code == 201, response.text
    assert body["report_id"] == report_id("staff-1", "desk-0001")
    assert (body["rider"], body["entered_by"], body["flags"]) == ("rider-1", "staff-1", ["entered_by_staff"])
    (_, told), *others = published(house.store)
    assert isinstance(told.data, IncidentReported)
    assert not others
    assert (told.data.rider, told.data.entered_by, told.data.flags) == ("rider-1", "staff-1", ("entered_by_staff",))
    assert told.envelope.actor == "staff:staff-1"


async def test_the_sentence_has_code_category_place_and_next_step_and_nothing_of_people(house: House) -> None:
    said = (body := (await house.enter(text="张三 13812345678")).json())["sentence"]
    assert said["zh"] == f"已收到，编号 {body['code']}：上水井盖，微网格 005-05-05。已转交处置，进展请凭编号查询。"
    assert said["en"].startswith(f"Received as {body['code']}: Water cover, micro-grid 005-05-05. ")
    assert not [word for word in ("张三", "13812345678", "rider-1", "staff-1") if word in str(said)]


def test_the_next_step_is_the_one_that_comes() -> None:
    kinds = ("上水井盖", "Water cover")
    uncertain = report(place=replace(report().place, grid=None))
    assert "社区核实" in sentence(uncertain, kinds, None).zh
    assert "照片" in sentence(report(told=False), kinds, "x").zh
    assert "随手排除" in sentence(report(flags=("self_fixed",)), kinds, "x").zh


async def test_the_same_key_again_is_the_same_report_and_for_another_rider_is_refused(house: House) -> None:
    first, again = await house.enter(), await house.enter()
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    house.people.accounts.append(account("rider-2", community=HERE))
    other = await house.enter("rider-2")
    assert (other.status_code, other.json()["code"]) == (422, "client-key-reused")
    assert len(house.stored()) == 1


async def test_only_a_rider_in_sight_who_takes_part_is_credited(house: House) -> None:
    assert (await house.enter("nobody")).status_code == 404
    assert (await house.enter(headers=NEXT_DOOR)).status_code == 404
    house.people.accounts = [account(community=HERE, status="left")]
    assert (await house.enter()).status_code == 404
    house.people.accounts = [account(community=HERE, status="trainee")]
    assert (await house.enter(rider_id="rider-2")).json()["errors"][0]["field"] == "rider_id"
    assert not house.stored()
    assert (await house.enter()).status_code == 201


async def test_a_place_of_another_community_is_refused_and_an_uncertain_one_is_everybodys(house: House) -> None:
    house.people.accounts = [account(community="140302003006")]
    refused = await house.enter(headers=NEXT_DOOR)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "place")
    assert not house.stored()
    assert (await house.enter(headers=NEXT_DOOR, place=place(accuracy_m=500.0))).status_code == 201


async def test_photos_are_those_of_staff(house: House) -> None:
    house.photos.photos["p1"] = photo("p1", "rider:rider-1")
    refused = await house.enter(photo_ids=["p1"])
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "photo_ids.0")


async def test_rule_1_knows_whose_key_it_was(house: House) -> None:
    await house.enter()
    (stored,) = house.stored()
    told = [row for ref, row in house.store.documents.items() if ref.collection == "incidents"]
    opened: tuple[Incident, ...] = tuple(INCIDENTS.load(one) for one in told)
    strange = replace(stored, entered_by="staff-9")
    gone = replace(stored, entered_by="gone-0123")
    assert not _ids(Snapshot(NOW, reports=(stored,), opened=opened))
    assert _ids(Snapshot(NOW, reports=(strange,), opened=opened))
    assert not _ids(Snapshot(NOW, reports=(gone,), opened=opened))


def _ids(snapshot: Snapshot) -> list[str]:
    return [found for found in rule_1(snapshot)[1] if "does not follow" in found]


def test_staff_who_are_forgotten_leave_a_pseudonym_and_the_riders_words() -> None:
    document = {"_id": "r1", **REPORTS.dump(report(entered_by="staff-1"))}
    remains = PLAN.treatments["reports"](document, Person("staff-1", "gone-0123")) or {}
    assert (remains["entered_by"], remains["rider"], remains["text"]) == ("gone-0123", "rider-1", "井盖被冲开")


async def test_the_slip_is_a_page_without_script_and_with_everything_escaped(house: House) -> None:
    id_ = (await house.enter(place=place(address="<script>x</script>&"))).json()["report_id"]
    page = await house.slip(id_)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "&lt;script&gt;x&lt;/script&gt;&amp;" in page.text
    (stored,) = house.stored()
    assert stored.code in page.text
    assert "005-05-05" in page.text
    assert "上水井盖 / Water cover" in page.text
    assert "2026-11-25 08:01:00 (UTC+0800)" in page.text  # sub-district's time, as the phone said it
    assert page.headers["cache-control"] == "private, no-store"


async def test_the_slip_is_json_for_whoever_asks_for_it_and_of_its_rider_or_desk_alone(house: House) -> None:
    id_ = (await house.enter()).json()["report_id"]
    body = (await house.slip(id_, accept="application/json")).json()
    assert (body["micro_grid"], body["category_zh"]) == ("005-05-05", "上水井盖")
    assert body["captured_at"] == "2026-11-25T08:01:00+08:00"
    answers = [(await house.slip(id_, who)).status_code for who in (RIDER, STAFF, OTHER, NEXT_DOOR)]
    assert answers == [200, 200, 404, 404]
