"""Why these departments, over HTTP: what the rules were asked, and what each said."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.reference.beidajie import DIRECTORY
from services.dispatch import route_api
from services.dispatch.asking import found_by
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Incident, Route
from services.dispatch.policy import POLICY
from services.dispatch.rules import ReferenceRules
from shared.metrics import Metrics
from shared.reference import load
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.dispatching import PLACE, incident
from tests.support.serving import rows_of, served
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer

SIGNER = Signer()
STAFF = bearer(SIGNER.token("staff", "staff-1"))
NIGHT = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)
"""23:00 in Beidajie."""

GAS: dict[str, Any] = {"category": {"scheme": "gb30428", "code": "P0504"}, "condition": "smell", "priority": Priority.E}
RULES = ReferenceRules(load(DIRECTORY))

Ask = Callable[[Incident], Awaitable[dict[str, Any]]]


@dataclass
class OneIncident:
    """Views of a desk with one incident."""

    kept: Incident

    async def incident(self, scope: Scope, id_: str) -> tuple[Incident, int] | None:
        seen = id_ == self.kept.id and scope.sees(self.kept.subdistrict, self.kept.community)
        return (self.kept, 1) if seen else None


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    async def asked(kept: Incident) -> dict[str, Any]:
        routes = route_api.router(OneIncident(kept), RULES)
        verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
        rows, metrics = rows_of(POLICY, routes), Metrics("d", "api", "v1")
        app = create("d", metrics=metrics, checks={}, routers=[routes], policy=rows, verifier=verifier)
        async with served(app) as client:
            assert (await client.get("/v1/incidents/other/route", headers=STAFF)).status_code == 404
            answer = await client.get("/v1/incidents/inc/route", headers=STAFF)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    return asked


def routed(kept: Incident, at: datetime) -> Incident:
    found = found_by(kept, RULES, at)
    assert isinstance(found, Route)
    return replace(kept, route=found)


async def test_the_deciding_rule_and_why_each_earlier_one_does_not(ask: Ask) -> None:
    told = await ask(routed(incident(category={"scheme": "gb30428", "code": "P0103"}, condition="missing"), NIGHT))
    assert (told["rule"], told["departments"]) == ("whoever-acts", ["drainage"])
    assert told["reference_version"] == told["explained_by"] == RULES.version
    *earlier, last = told["steps"]
    assert {step["verdict"] for step in earlier} == {"no_match"}
    assert earlier[0]["text"] == "category: gb30428:P0504"
    assert (last["rule"], last["verdict"], last["text"]) == ("whoever-acts", "decides", "drainage")
    assert last["why"]


async def test_it_is_explained_by_the_moment_at_which_it_was_routed_not_by_now(ask: Ask) -> None:
    told = await ask(routed(incident(**GAS), NIGHT))  # its clock began at 09:40
    assert told["asked"]["at"] == "2026-11-25T15:00:00Z"
    assert [step["rule"] for step in told["steps"] if step["verdict"] == "decides"] == ["gas-smell-at-night"]


async def test_other_reference_data_than_that_which_decided_is_named(ask: Ask) -> None:
    kept = routed(incident(**GAS), NIGHT)
    assert kept.route is not None
    told = await ask(replace(kept, route=replace(kept.route, reference_version="older")))
    assert (told["reference_version"], told["explained_by"]) == ("older", RULES.version)


async def test_where_people_chose_the_rules_are_still_told(ask: Ask) -> None:
    told = await ask(incident(**GAS, route=Route(("water",), "staff: theirs", "v1")))
    assert (told["rule"], told["departments"]) == ("staff: theirs", ["water"])
    assert "gas, fire" in [step["text"] for step in told["steps"] if step["verdict"] == "decides"]


async def test_without_a_place_nothing_is_asked(ask: Ask) -> None:
    told = await ask(incident(**GAS, place={**PLACE, "grid": None}))
    assert (told["rule"], told["asked"], told["steps"]) == (None, None, [])
