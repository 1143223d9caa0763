"""Rounds: a visit is stored once, by a household's code, and only where and when a campaign provides for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.intake import visits, visits_api
from services.intake.domain.campaign import Campaign
from services.intake.policy import ROUNDS as POLICY
from services.intake.store import CAMPAIGNS, ROUNDS
from services.intake.visits import FollowCampaign
from services.intake.visits_api import RoundsDesk
from shared.contracts.envelope import decode
from shared.contracts.golden import samples
from shared.contracts.visit_recorded import VisitRecorded
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.intaking import MemoryPhotos, StubRules, photo, place
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.rounds import MICRO, followed, visit_wish
from tests.support.serving import served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
RIDER = bearer(SIGNER.token())


class _Views:
    """Nothing runs."""

    async def running(self, scope: Scope, now: Any) -> list[Campaign]:
        return []


@dataclass
class House:
    """Intake's rounds over a memory store, behind a socket; `camp` runs."""

    store: MemoryTransactor
    lane: Lane
    photos: MemoryPhotos
    rules: StubRules
    client: httpx2.AsyncClient

    async def visit(self, headers: dict[str, str] = RIDER, **changes: Any) -> httpx2.Response:
        return await self.client.post("/v1/visits", json=visit_wish(**changes), headers=headers)

    async def campaign(self, **changes: Any) -> None:
        await self.lane.submit(FollowCampaign(CAMPAIGNS, followed(**changes)))

    def told(self) -> list[VisitRecorded]:
        found = [message.data for _, message in published(self.store, "visit-recorded")]
        return [data for data in found if isinstance(data, VisitRecorded)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, photos, rules = MemoryTransactor(), MemoryPhotos(), StubRules()
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    async with running(store) as lane:
        routes = visits_api.router(RoundsDesk(lane, ROUNDS, _Views(), photos, rules, rules, lambda: NOW))
        metrics = Metrics("intake", "api", "v1")
        app = create("intake", metrics=metrics, checks={}, routers=[routes], policy=POLICY, verifier=verifier)
        async with served(app) as client:
            house = House(store, lane, photos, rules, client)
            await house.campaign()
            yield house


async def test_a_visit_is_stored_and_told_once(house: House) -> None:
    house.photos.photos = {"p1": photo("p1")}
    first = await house.visit(photo_ids=["p1"])
    again = await house.visit(photo_ids=["p1"])
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    (told,) = house.told()
    assert (told.visit, told.rider, told.household) == (first.json()["visit_id"], "rider-1", "3-2-501")
    assert {found.item: found.answer for found in told.answers} == {"gas_valve_closed": "no", "lives_alone": "yes"}
    assert (told.photo_ids, told.flags) == (("p1",), ())


async def test_the_same_household_on_the_same_day_is_answered_as_before(house: House) -> None:
    first = await house.visit()
    again = await house.visit(client_key="phone-0002", answers={"gas_valve_closed": "yes"})
    assert again.json() == first.json()
    assert len(house.told()) == 1
    changes: list[dict[str, Any]] = [
        {"client_key": "phone-0003", "household": "3-2-502"},
        {"client_key": "phone-0004", "micro_grid": "14030200300500503"},
        {"client_key": "phone-0005", "captured_at": "2026-11-24T16:05:00+08:00"},  # yesterday in Beidajie
    ]
    for change in changes:
        other = await house.visit(**change)
        assert other.status_code == 201, other.text
        assert other.json()["visit_id"] != first.json()["visit_id"]
    colleague = await house.visit(bearer(SIGNER.token(sub="rider-2")))
    assert colleague.json()["visit_id"] != first.json()["visit_id"]
    assert len(house.told()) == 5


async def test_the_same_key_with_another_content_is_refused(house: House) -> None:
    await house.visit()
    refused = await house.visit(household="1-1-101")
    assert (refused.status_code, refused.json()["code"]) == (422, "client-key-reused")
    assert len(house.told()) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"campaign": "unknown"}, "campaign"),
        ({"micro_grid": "14030200300600101"}, "micro_grid"),
        ({"micro_grid": "14030200400100101"}, "micro_grid"),
        ({"answers": {"windows_clean": "yes"}}, "answers.windows_clean"),
        ({"answers": {"lives_alone": "perhaps"}}, "answers.lives_alone"),
        ({"answers": {}}, "answers"),
        ({"household": "王先生"}, "household"),
        ({"household": "WANG"}, "household"),
        ({"household": "13812345678"}, "household"),
        ({"photo_ids": ["nowhere"]}, "photo_ids.0"),
        ({"captured_at": "2026-11-25T15:50:00"}, "captured_at"),
    ],
)
async def test_what_the_campaign_does_not_provide_for_is_named(
    house: House, change: dict[str, Any], field: str
) -> None:
    refused = await house.visit(**change)
    assert refused.status_code == 422, refused.text
    assert field in [error["field"] for error in refused.json()["errors"]]
    assert not house.told()
    assert not [ref for ref in house.store.documents if ref.collection != "campaigns"]


@pytest.mark.parametrize(
    "changes",
    [
        {"closed_at": NOW - timedelta(minutes=11)},
        {"ends_at": NOW - timedelta(minutes=11)},
        {"starts_at": NOW - timedelta(minutes=9)},
        {"subdistrict": "140302004"},
    ],
)
async def test_a_campaign_that_does_not_run_takes_no_visit(house: House, changes: dict[str, Any]) -> None:
    await house.campaign(announced=2, **changes)
    refused = await house.visit()
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["campaign"]
    assert not house.told()


async def test_a_visit_from_before_the_end_that_arrives_after_it_counts(house: House) -> None:
    over = NOW - timedelta(minutes=9)
    await house.campaign(announced=2, closed_at=over, ends_at=over)
    assert (await house.visit()).status_code == 201
    future = await house.visit(client_key="phone-0002", household="9", captured_at="2026-11-25T18:00:00+08:00")
    assert future.status_code == 422, "a clock that runs ahead counts from the server's time"


async def test_a_doubtful_time_or_place_is_flagged_and_kept(house: House) -> None:
    ahead = await house.visit(captured_at="2026-11-25T16:30:00+08:00")
    assert ahead.json()["flags"] == ["late_capture"]
    at_home = await house.visit(client_key="phone-0002", household="1", place=place())
    assert at_home.json()["flags"] == ["location_conflict"]  # the stub's micro-grid is another one
    assert not [ref for ref, found in house.store.documents.items() if "113.58" in str(found)]
    right = await house.visit(client_key="phone-0003", household="2", place=place(), micro_grid=f"{MICRO[:-1]}5")
    assert right.json()["flags"] == []


async def test_announcements_may_come_late_and_twice() -> None:
    store = MemoryTransactor()
    handle = visits.handlers(CAMPAIGNS)["campaign-changed"]
    told = {s.name: decode(s.topic, *s.wire) for s in samples() if s.event == "campaign.changed.v1"}
    async with running(store) as lane:
        for name in ("closed", "open", "minimal", "closed"):
            await lane.submit(handle(told[name]))
    (document,) = store.documents.values()
    campaign = CAMPAIGNS.load(document)
    assert (campaign.announced, campaign.closed_at) == (3, told["closed"].envelope.time)
    assert document["version"] == 1
