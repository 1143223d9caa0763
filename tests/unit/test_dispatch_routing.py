"""An incident is routed by its place, time, class and answers, and the route says what the rules were asked."""

from datetime import datetime
from typing import Any

import pytest

from ops.reference.beidajie import DIRECTORY
from services.dispatch.asking import found_by, rerouted
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Asked, Incident, Route
from services.dispatch.rules import ReferenceRules
from shared.reference import load
from tests.support.dispatching import incident

GAS, LAMP = {"scheme": "gb30428", "code": "P0504"}, {"scheme": "gb30428", "code": "P0137"}
DAY, NIGHT = (datetime.fromisoformat(f"2026-11-25T{at}+00:00") for at in ("13:59", "14:00"))
"""One minute before and at 22:00 in Beidajie."""


@pytest.fixture(scope="module")
def rules() -> ReferenceRules:
    return ReferenceRules(load(DIRECTORY))


def gas(**more: Any) -> Incident:
    return incident(category=GAS, condition="smell", priority=Priority.E, **more)


def departments(found: Route | str) -> tuple[str, ...]:
    assert isinstance(found, Route), found
    return found.departments


def test_the_clock_on_the_wall_of_the_place_decides(rules: ReferenceRules) -> None:
    found = [departments(found_by(gas(), rules, at)) for at in (DAY, NIGHT)]
    assert found == [("gas", "fire"), ("gas", "fire", "community-140302003005")]


def test_an_answer_decides_and_the_route_keeps_what_was_asked(rules: ReferenceRules) -> None:
    lamp = incident(category=LAMP, condition="dark", answers={"extent": "street"})
    found = found_by(lamp, rules, DAY)
    assert departments(found) == ("municipal", "power")
    asked = Asked(LAMP, "dark", Priority.N, "14030200300500505", DAY, {"extent": "street"})
    assert found == Route(("municipal", "power"), "street-dark-also-power", rules.version, asked)


def test_the_final_class_decides_not_the_conditions(rules: ReferenceRules) -> None:
    pipe = incident(category={"scheme": "gb30428", "code": "E0502"}, condition="cave_in", priority=Priority.N)
    urgent = incident(category={"scheme": "gb30428", "code": "E0502"}, condition="cave_in", priority=Priority.E)
    assert [departments(found_by(one, rules, DAY)) for one in (pipe, urgent)] == [("gas",), ("gas", "fire")]


def test_that_time_has_passed_reroutes_nobody(rules: ReferenceRules) -> None:
    assert not rerouted(gas(), gas(), rules, NIGHT).changes


def test_an_answer_to_a_question_of_another_category_means_nothing(rules: ReferenceRules) -> None:
    assert departments(found_by(gas(answers={"extent": "street"}), rules, DAY)) == ("gas", "fire")
