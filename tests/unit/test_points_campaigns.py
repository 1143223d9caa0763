"""Campaigns: made once, changed by whoever has seen the last version, told to everybody who records visits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.points import campaigns_api, evidence
from services.points.campaigns import DecideCampaign, KeyReused, to_closed, to_plan
from services.points.campaigns_api import CampaignDesk
from services.points.domain.campaign import LONGEST, Campaign, communities_of, sees
from services.points.policy import POLICY
from services.points.store import BOOKS, CAMPAIGNS, JUDGEMENTS, _concerning
from shared.context import Context
from shared.contracts.campaign_changed import CampaignChanged
from shared.contracts.envelope import decode
from shared.contracts.golden import samples
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.ids import new_id
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import StubRules
from tests.support.rounds import DESK, ENDS, GAS, HERE, STARTS, campaign_wish, opening, plan
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
NEIGHBOUR = Scope("s3", "staff:s3", "140302003", desk=True, communities=("140302003006",))
OWN = replace(NEIGHBOUR, id="s1", communities=(HERE,))


@dataclass
class Points:
    store: MemoryTransactor
    lane: Lane

    async def decide(self, expected: int, changes: Any, scope: Scope = OWN) -> tuple[Campaign, int]:
        return await self.lane.submit(
            DecideCampaign(CAMPAIGNS, "camp", expected, changes, scope, Context(scope.actor, "c"))
        )

    def told(self) -> list[CampaignChanged]:
        found = [message.data for _, message in published(self.store, "campaign-changed")]
        return [data for data in found if isinstance(data, CampaignChanged)]


@pytest.fixture
async def points() -> AsyncIterator[Points]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Points(store, lane)


async def test_a_campaign_is_made_once_and_told_whole(points: Points) -> None:
    first = await points.lane.submit(opening())
    again = await points.lane.submit(opening())
    assert first == again
    assert first[1] == 1
    (told,) = points.told()
    assert (told.campaign, told.version, told.state, told.activity) == ("camp", 1, "open", "home_visit")
    assert (told.grids, told.communities) == ((HERE,), (HERE,))
    assert {item.code: item.answers for item in told.items}[GAS.code] == GAS.answers
    with pytest.raises(KeyReused, match="client_key"):
        await points.lane.submit(opening(fingerprint="other"))


async def test_every_change_is_told_with_its_version_and_a_stale_one_is_refused(points: Points) -> None:
    await points.lane.submit(opening())
    changed, version = await points.decide(1, to_plan(plan(title_zh="春季")))
    assert (changed.plan.title_zh, version) == ("春季", 2)
    with pytest.raises(Conflict, match="expected_version"):
        await points.decide(1, to_closed)
    closed, version = await points.decide(2, to_closed)
    assert (closed.state, version) == ("closed", 3)
    assert [(told.version, told.state) for told in points.told()] == [(1, "open"), (2, "open"), (3, "closed")]
    for changes in (to_closed, to_plan(plan())):
        with pytest.raises(Conflict, match="closed"):
            await points.decide(3, changes)
    assert len(points.told()) == 3


async def test_a_desk_runs_rounds_in_its_own_communities_only(points: Points) -> None:
    await points.lane.submit(opening(scope=OWN))
    with pytest.raises(NotFound):
        await points.decide(1, to_closed, NEIGHBOUR)
    with pytest.raises(Forbidden, match="140302003006"):
        await points.decide(1, to_plan(plan(grids=(HERE, "140302003006"))), OWN)
    with pytest.raises(Forbidden):
        await points.lane.submit(opening("other", NEIGHBOUR))
    with pytest.raises(Forbidden):
        await points.lane.submit(opening("whole", OWN, grids=("140302003",)))
    with pytest.raises(Forbidden):
        await points.lane.submit(opening("away", DESK, grids=("140302004001",)))
    assert len(points.told()) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": STARTS}, "ends_at"),
        ({"ends_at": STARTS + LONGEST + timedelta(seconds=1)}, "ends_at"),
        ({"grids": (HERE, HERE)}, "grids"),
        ({"items": (GAS, GAS)}, "items.1.code"),
    ],
)
async def test_a_plan_that_does_not_hold_together_is_named(points: Points, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await points.lane.submit(opening(**changes))
    assert [error.field for error in refused.value.errors] == [field]
    assert not points.store.documents


def test_whose_grids_they_are() -> None:
    assert communities_of(["140302003006001", HERE]) == (HERE, "140302003006")
    assert communities_of(["140302003"]) == ()
    assert communities_of([HERE, "14030200300000001"]) == ()  # the mobile grid is everybody's


async def test_the_query_says_the_same_as_the_predicate(points: Points) -> None:
    for grids in ((HERE,), ("140302003006",), ("140302003",), (HERE, "140302003006")):
        campaign, _ = await points.lane.submit(opening(f"of-{'-'.join(grids)}", grids=grids))
        for scope in (DESK, OWN, NEIGHBOUR, replace(OWN, subdistrict="140302004")):
            query = _concerning(scope)
            wanted = query.get("communities", {}).get("$in")
            matches = (
                wanted is None
                or ([] in wanted and not campaign.communities)
                or bool({*campaign.communities} & {code for code in wanted if code})
            )
            assert (matches and query["subdistrict"] == campaign.subdistrict) == sees(scope, campaign), (grids, scope)


async def test_judgements_are_kept_once(points: Points) -> None:
    handlers = evidence.handlers(BOOKS, StubRules(), JUDGEMENTS, new_id)
    told = [decode(s.topic, *s.wire) for s in samples() if s.topic in handlers]
    assert len(told) >= 2
    for message in told * 2:
        await points.lane.submit(handlers["report-judged"](message))
    kept = [document for ref, document in points.store.documents.items() if ref.collection == "judgements"]
    assert len(kept) == 1
    assert kept[0]["version"] == 1


class _Views:
    async def campaign(self, scope: Scope, id_: str) -> tuple[Campaign, int] | None:
        return None

    async def campaigns(self, scope: Scope, limit: int) -> list[tuple[Campaign, int]]:
        return []


@pytest.fixture
async def client(points: Points, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    routes = campaigns_api.router(CampaignDesk(points.lane, CAMPAIGNS, _Views(), StubRules()))
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    metrics = Metrics("points", "api", "v1")
    rows = rows_of(POLICY, routes)
    async with served(
        create("points", metrics=metrics, checks={}, routers=[routes], policy=rows, verifier=verifier)
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title_zh": ""}, "title_zh"),
        ({"grids": ["140302003099"]}, "grids.0"),
        ({"grids": []}, "grids"),
        ({"starts_at": "2026-11-20T00:00:00"}, "starts_at"),
        ({"items": []}, "items"),
        ({"items": [{"code": "Gas Valve", "zh": "阀", "en": "valve"}]}, "items.0.code"),
        ({"items": [{"code": "gas", "zh": "阀", "en": "valve", "answers": []}]}, "items.0.answers"),
        ({"activity": "dancing"}, "activity"),
        ({"more": 1}, "more"),
    ],
)
async def test_bad_input_is_named_and_nothing_stored(
    points: Points, client: httpx2.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    staff = bearer(SIGNER.token("staff", "s1", communities=[HERE]))
    answer = await client.post("/v1/campaigns", json=campaign_wish(**changes), headers=staff)
    assert answer.status_code == 422
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not points.store.documents


async def test_the_answer_says_what_was_announced(client: httpx2.AsyncClient) -> None:
    staff = bearer(SIGNER.token("staff", "s1", communities=[HERE]))
    answer = await client.post("/v1/campaigns", json=campaign_wish(), headers=staff)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["version"], made["state"], made["grids"], made["ends_at"]) == (
        1,
        "open",
        [HERE],
        "2026-12-20T00:00:00Z",
    )
    closed = await client.post(f"/v1/campaigns/{made['campaign']}/close", json={"expected_version": 1}, headers=staff)
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    assert ENDS.isoformat()[:10] in closed.json()["ends_at"]
