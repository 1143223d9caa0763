"""What riders add to their reports over HTTP: whose it is, in which state, how much, once, and what leaves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.intake import updates_api
from services.intake.domain.status import Status, Step
from services.intake.domain.update import MOST_UPDATES, WHILE, Update, UpdateKind, check_update
from services.intake.forms import ReportIn
from services.intake.policy import POLICY
from services.intake.store import HOLDINGS, INCIDENTS, REPORTS, STATUSES
from services.intake.taking import take_report
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.vocabulary import IncidentState
from shared.errors import Conflict, Invalid
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.web.app import create
from shared.web.auth import Principal, Role, TokenVerifier, read_jwks
from tests.support.intaking import MemoryPhotos, photo, sender, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER, OTHER = bearer(SIGNER.token()), bearer(SIGNER.token("rider", "rider-2"))
PATHS: dict[UpdateKind, str] = {
    "photo_added": "photos",
    "comment": "comments",
    "info_given": "answers",
    "says_fixed": "fixed",
    "says_not_fixed": "not-fixed",
    "appealed": "appeal",
}
STATES = IncidentState.__args__  # type: ignore[attr-defined]


@dataclass
class House:
    """One report of rider-1 over a memory store, and the api that adds to it."""

    store: MemoryTransactor
    lane: Lane
    photos: MemoryPhotos
    client: httpx2.AsyncClient
    report: str
    incident: str
    keys: int = 0

    async def add(self, kind: UpdateKind, headers: dict[str, str] = RIDER, key: str | None = None, **body: Any) -> Any:
        self.keys += 1
        more = {"Idempotency-Key": key or f"key-{self.keys}"}
        wanted = body or ({"photo_ids": ["p1"]} if kind == "photo_added" else {"text": "水还在流"})
        return await self.client.post(
            f"/v1/reports/{self.report}/{PATHS[kind]}", json=wanted, headers={**headers, **more}
        )

    def becomes(self, state: str, *, days_ago: float = 0) -> None:
        step = Step(NOW - timedelta(days=days_ago), state)
        status = Status(self.incident, state=state, seen=1, steps=(step,))
        self.store.documents[STATUSES.ref(self.incident)] = {**STATUSES.dump(status), "version": 1}

    def told(self) -> list[ReportUpdated]:
        found = [message.data for _, message in published(self.store, "report-updated")]
        return [data for data in found if isinstance(data, ReportUpdated)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = MemoryTransactor()
    photos = MemoryPhotos(store=store)
    photos.photos = {f"p{number}": photo(f"p{number}") for number in range(1, 8)}
    async with running(store) as lane:
        desk = taking(lane, store, photos)
        rider = Principal("rider-1", Role.RIDER, "140302003")
        opened = await take_report(desk, ReportIn.model_validate(wish()), sender(rider))
        routes = updates_api.router(lane, HOLDINGS, photos, desk.views)
        app = create(
            "intake",
            metrics=Metrics("intake", "api", "v1"),
            checks={},
            routers=[routes],
            policy=rows_of(POLICY, routes),
            verifier=TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE),
        )
        async with served(app) as client:
            yield House(store, lane, photos, client, opened.report.id, opened.report.incident)


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("state", STATES)
async def test_each_update_is_taken_in_its_states_and_answered_with_the_state_in_all_others(
    house: House, kind: UpdateKind, state: str
) -> None:
    house.becomes(state)
    answer = await house.add(kind)
    if state in WHILE[kind].states:
        assert answer.status_code == 200, answer.text
        assert [told.kind for told in house.told()] == [kind]
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert f"the incident is {state} now" in answer.json()["detail"]
        assert not house.told()


def test_the_table_knows_every_state_of_the_contract() -> None:
    assert set().union(*(row.states for row in WHILE.values())) <= set(STATES)
    assert WHILE["info_given"].states == {"needs_info"}
    assert WHILE["says_not_fixed"].states == {"resolved"}


async def test_updates_leave_in_the_sequence_of_the_incident_with_numbers_masked(house: House) -> None:
    house.becomes("triaged")
    await house.add("comment", text="找王先生13812345678")
    answer = await house.add("photo_added", photo_ids=["p1", "p2"])
    first, second = published(house.store, "report-updated")
    assert [m.envelope.sequence for _, m in (first, second)] == [1, 2]
    assert [m.envelope.id for _, m in (first, second)] == [f"report-updated:{house.incident}:{n}" for n in (1, 2)]
    assert first[1].envelope.partition_key == house.incident
    comment, photos = house.told()
    assert (comment.text, comment.report, comment.rider) == ("找王先生*********78", house.report, "rider-1")
    assert photos.photo_ids == ("p1", "p2")
    lines = [(line["what"], line["reason"]) for line in answer.json()["timeline"]]
    assert ("comment", "找王先生13812345678") in lines  # his own words are whole to him
    assert answer.json()["photo_ids"] == ["p1", "p2"]
    incident = INCIDENTS.load(house.store.documents[INCIDENTS.ref(house.incident)])
    assert incident.photo_ids == ("p1", "p2")


async def test_the_same_key_is_one_update_and_the_same_answer(house: House) -> None:
    first = await house.add("comment", key="k-1")
    again = await house.add("comment", key="k-1")
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert len(house.told()) == 1
    other = await house.add("comment", key="k-1", text="不同")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    missing = await house.client.post(f"/v1/reports/{house.report}/comments", json={"text": "a"}, headers=RIDER)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency-key-missing")


@pytest.mark.parametrize("kind", PATHS)
async def test_a_report_of_somebody_else_is_not_there(house: House, kind: UpdateKind) -> None:
    for row in WHILE[kind].states:
        house.becomes(row)
        assert (await house.add(kind, OTHER)).status_code == 404
    assert not house.told()
    elsewhere = bearer(SIGNER.token("rider", "rider-1", subdistrict="140302004"))
    assert (await house.add("comment", elsewhere)).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("comment", {"text": " \n"}, "text"),
        ("comment", {"text": "长" * 501}, "text"),
        ("says_not_fixed", {"text": ""}, "text"),
        ("appealed", {"words": "?"}, "text"),
        ("photo_added", {"photo_ids": []}, "photo_ids"),
        ("photo_added", {"photo_ids": ["p1", "nowhere"]}, "photo_ids.1"),
        ("photo_added", {"photo_ids": ["p1", "p1"]}, "photo_ids.1"),
    ],
)
async def test_what_cannot_be_used_is_named(house: House, kind: UpdateKind, body: dict[str, Any], field: str) -> None:
    house.becomes({"says_not_fixed": "resolved", "appealed": "rejected"}.get(kind, "triaged"))
    answer = await house.add(kind, **body)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not house.told()


async def test_a_report_has_five_photos_in_all(house: House) -> None:
    assert (await house.add("photo_added", photo_ids=["p1", "p2", "p3", "p4"])).status_code == 200
    too_many = await house.add("photo_added", photo_ids=["p5", "p6"])
    assert (too_many.status_code, too_many.json()["errors"][0]["field"]) == (422, "photo_ids")
    twice = await house.add("photo_added", photo_ids=["p4"])
    assert twice.json()["errors"][0]["field"] == "photo_ids.0"
    assert (await house.add("photo_added", photo_ids=["p5"])).status_code == 200
    stored = REPORTS.load(house.store.documents[REPORTS.ref(house.report)])
    assert stored.photo_ids == ("p1", "p2", "p3", "p4", "p5")


async def test_a_photo_taken_elsewhere_is_flagged_when_it_is_added_later_too(house: House) -> None:
    house.photos.photos["far"] = photo("far", gps=(113.59, 37.857))
    answer = await house.add("photo_added", photo_ids=["far"])
    assert answer.json()["flags"] == ["location_conflict"]
    assert house.told()[0].flags == ("location_conflict",)


@pytest.mark.parametrize(("days", "status"), [(0, 200), (6.99, 200), (7.01, 409)])
async def test_an_appeal_is_possible_for_seven_days(house: House, days: float, status: int) -> None:
    house.becomes("rejected", days_ago=days)
    assert (await house.add("appealed")).status_code == status


async def test_one_appeal_against_one_rejection(house: House) -> None:
    house.becomes("rejected")
    assert (await house.add("appealed")).status_code == 200
    again = await house.add("appealed")
    assert again.status_code == 409
    assert "appealed already" in again.json()["detail"]


def test_another_rejection_may_be_appealed_against_and_updates_end_somewhere() -> None:
    rejected = Status("inc", state="rejected", steps=(Step(NOW, "rejected"),))
    before = Update("appealed", NOW - timedelta(days=1), "?")
    check_update("appealed", rejected, (before,), NOW)
    with pytest.raises(Conflict):
        check_update("appealed", rejected, (replace(before, at=NOW),), NOW)
    with pytest.raises(Invalid, match=str(MOST_UPDATES)):
        check_update("comment", Status("inc"), (Update("comment", NOW, "a"),) * MOST_UPDATES, NOW)
