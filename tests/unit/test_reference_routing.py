"""Routing: the first rule decides, the decision names rule and version, and what cannot be decided says so."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from ops.reference.beidajie import DIRECTORY
from shared.reference import Reference, ReferenceInvalid, Route, RouteError, load

MICRO_GRID = "14030200300500101"
NOON, NIGHT = datetime(2026, 11, 25, 12), datetime(2026, 11, 25, 23, 30)  # noqa: DTZ001 - the clock on the wall


@pytest.fixture(scope="module")
def sample() -> Reference:
    return load(DIRECTORY)


def with_rule(tmp_path: Path, rule: str, *cases: str) -> Path:
    """The sample with one more routing file."""
    directory = Path(shutil.copytree(DIRECTORY, tmp_path / "reference"))
    lines = ["rules:", f"  - {rule}", "cases:" if cases else "cases: []", *(f"  - {case}" for case in cases)]
    (directory / "routing-extra.yaml").write_text("\n".join(lines), encoding="utf-8")
    return directory


def reasons(directory: Path) -> list[str]:
    with pytest.raises(ReferenceInvalid) as refusal:
        load(directory)
    return [str(fault) for fault in refusal.value.faults]


def test_by_default_those_act_whom_the_standard_names(sample: Reference) -> None:
    route = sample.route(("gb30428", "P0103"), "missing", MICRO_GRID)
    assert route == Route(("drainage",), "whoever-acts", sample.version)
    assert sample.route(("gb30428", "E0508"), None, MICRO_GRID) == Route(
        ("power", "telecom"), "whoever-acts", sample.version
    )


def test_every_category_and_condition_has_a_route_everywhere(sample: Reference) -> None:
    communities = [code for code in sample.places if len(code) == 12]
    assert communities
    for key, category in sample.categories.items():
        for condition in category.conditions:
            for community in communities:
                for at in (NOON, NIGHT):
                    found = sample.route(key, condition.code, community, local=at)
                    assert isinstance(found, Route), (key, condition.code, at)


def test_the_final_class_can_change_the_route(sample: Reference) -> None:
    gas = ("gb30428", "E0502")
    assert isinstance(escalated := sample.route(gas, "cave_in", MICRO_GRID, "E"), Route)
    assert escalated.departments == ("gas", "fire")
    assert isinstance(plain := sample.route(gas, "cave_in", MICRO_GRID), Route)
    assert plain.departments == ("gas",)


def test_a_rule_about_a_place_cannot_decide_without_one(sample: Reference) -> None:
    rubbish = ("gb30428", "E0110")
    for place in (None, "140302003"):
        error = sample.route(rubbish, None, place)
        assert isinstance(error, RouteError)
        assert error.rule == "business-district-rubbish"
        assert error.version == sample.version


def test_a_community_matter_without_a_place_is_an_error_not_a_guess(sample: Reference) -> None:
    error = sample.route(("local", "L04"), None, None)
    assert isinstance(error, RouteError)
    assert "community" in error.reason
    assert sample.route(("local", "L04"), None, "140302003007") == Route(
        ("community-140302003007",), "whoever-acts", sample.version
    )


def test_an_unknown_place_department_is_an_error(sample: Reference) -> None:
    error = sample.route(("local", "L04"), None, "999999999001")
    assert isinstance(error, RouteError)
    assert "community-999999999001" in error.reason


@pytest.mark.parametrize(
    ("category", "condition", "reason"),
    [
        (("gb30428", "P9999"), None, "unknown category gb30428:P9999"),
        (("gb30428-2013", "P0101"), None, "unknown category gb30428-2013:P0101"),
        (("gb30428", "P0101"), "on_fire", "has no condition 'on_fire'"),
    ],
)
def test_what_is_not_in_the_tables_is_an_error(
    sample: Reference, category: tuple[str, str], condition: str | None, reason: str
) -> None:
    error = sample.route(category, condition, MICRO_GRID)
    assert isinstance(error, RouteError)
    assert error.rule is None
    assert reason in error.reason


def test_order_decides_across_files_and_a_prefix_names_a_whole_class(tmp_path: Path) -> None:
    rule = '{code: roads, order: 5, when: {category: ["gb30428:P02*"]}, to: [traffic-police, "@acts"], why: sample}'
    case = '{category: "gb30428:P0217", rule: roads, departments: [traffic-police, municipal]}'
    reference = load(with_rule(tmp_path, rule, case))
    assert [rule.order for rule in reference.rules] == [5, 8, 10, 20, 25, 30, 40, 1000]
    route = reference.route(("gb30428", "P0220"), None, None)
    assert isinstance(route, Route)
    assert (route.rule, route.departments) == ("roads", ("traffic-police", "municipal"))


CASE = '{category: "gb30428:E0506", rule: mine, departments: [fire]}'
GOOD = '{code: mine, order: 5, when: {category: ["gb30428:E0506"]}, to: [fire], why: sample}'


@pytest.mark.parametrize(
    ("rule", "case", "reason"),
    [
        (GOOD, CASE.replace("fire", "drainage"), "expected mine -> drainage, got mine -> fire"),
        (GOOD.replace("order: 5", "order: 1001"), CASE, "expected mine -> fire, got whoever-acts -> drainage"),
        (GOOD.replace("order: 5", "order: 40"), CASE, "order 40 twice"),
        (GOOD.replace("code: mine", "code: whoever-acts"), CASE, "code twice"),
        (GOOD.replace("[fire]", "[brigade]"), CASE, "unknown department 'brigade'"),
        (GOOD.replace("E0506", "E0599"), CASE, "'gb30428:E0599' names no category"),
        (GOOD.replace("when: {", "when: {place: ['140302003010'], "), CASE, "'140302003010' is not in the grid tree"),
        (GOOD.replace("when: {", "when: {place: ['140302003001'], "), CASE, "expected mine, got an error in mine"),
        (GOOD.replace("when: {", "when: {condition: [burnt], "), CASE, "'burnt' is no condition"),
        (GOOD.replace("when: {", "when: {hours: ['22:00'], "), CASE, "String should match pattern"),
        (GOOD.replace("when: {", "when: {days: [monday], "), CASE, "Input should be 'mon'"),
        (GOOD.replace("when: {", "when: {working: true, "), CASE, "got an error in mine: the rule asks for the time"),
        (GOOD.replace("when: {", "when: {answers: {extent: [street]}, "), CASE, "'street' is no answer to it"),
        (GOOD, CASE.replace("rule:", "answers: {extent: street}, rule:"), "answers.extent: 'street' is no answer"),
        (GOOD, CASE.replace("rule: mine", "rule: whoever-acts"), "no case of this file shows what it does"),
        (GOOD, CASE.replace("rule:", "place: '1', rule:"), "place '1' is not in the grid tree"),
        (GOOD.replace("why: sample", "why: sample, wen: x"), CASE, "Extra inputs are not permitted"),
    ],
)
def test_a_rule_file_that_does_not_do_what_it_says_is_refused(
    tmp_path: Path, rule: str, case: str, reason: str
) -> None:
    found = reasons(with_rule(tmp_path, rule, case))
    assert any(reason in line for line in found), found


def test_a_rule_without_a_case_is_refused(tmp_path: Path) -> None:
    assert any("no case" in line for line in reasons(with_rule(tmp_path, GOOD)))
