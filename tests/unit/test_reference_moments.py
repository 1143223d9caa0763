"""Rules by the time of the day, the day, working time and the reporter's answers."""

from datetime import datetime
from pathlib import Path

import pytest

from ops.reference.beidajie import DIRECTORY
from ops.reference.changes import changes
from shared.reference import Reference, ReferenceInvalid, Route, RouteError, load
from shared.reference.explaining import explain
from shared.reference.moments import Moment
from shared.reference.routing import Facts, Rule, When, matches
from tests.support.reference import copy_of_sample, edit

GAS, LAMP = ("gb30428", "P0504"), ("gb30428", "P0137")
MICRO_GRID = "14030200300500101"


def on(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def sample() -> Reference:
    return load(DIRECTORY)


def departments(found: Route | RouteError) -> tuple[str, ...]:
    assert isinstance(found, Route), found
    return found.departments


@pytest.mark.parametrize(
    ("hours", "yes", "no"),
    [
        ("22:00-06:00", ("22:00", "23:59", "00:00", "05:59"), ("06:00", "12:00", "21:59")),
        ("06:00-22:00", ("06:00", "21:59"), ("22:00", "05:59")),
        ("00:00-00:00", ("00:00", "12:00", "23:59"), ()),
    ],
)
def test_hours_begin_with_the_first_minute_and_end_before_the_last(
    hours: str, yes: tuple[str, ...], no: tuple[str, ...]
) -> None:
    assert [Moment(on(f"2026-11-25T{at}"), True).within(hours) for at in (*yes, *no)] == [True] * len(yes) + [
        False
    ] * len(no)


def test_at_night_the_community_is_asked_too(sample: Reference) -> None:
    day = departments(sample.route(GAS, None, MICRO_GRID, local=on("2026-11-25T21:59")))
    night = departments(sample.route(GAS, None, MICRO_GRID, local=on("2026-11-25T22:00")))
    assert (day, night) == (("gas", "fire"), ("gas", "fire", "community-140302003005"))


def test_a_rule_by_time_without_a_time_is_an_error_and_no_guess(sample: Reference) -> None:
    error = sample.route(GAS, None, MICRO_GRID)
    assert isinstance(error, RouteError)
    assert (error.rule, error.reason) == ("gas-smell-at-night", "the rule asks for the time, which nobody says")
    assert isinstance(sample.route(LAMP, "dark", MICRO_GRID), Route)  # what no rule by time is about does not need one


def test_a_whole_street_is_the_feed_and_one_lamp_a_lamp(sample: Reference) -> None:
    asked = [{"extent": "street"}, {"extent": "single"}, {}, {"extent": "moon"}, {"colour": "street"}]
    found = [departments(sample.route(LAMP, "dark", MICRO_GRID, answers=answers)) for answers in asked]
    assert found == [("municipal", "power"), *[("municipal",)] * 4]


@pytest.mark.parametrize(
    ("at", "day", "working"),
    [
        ("2026-11-25T08:00", "wed", True),
        ("2026-11-25T12:00", "wed", False),
        ("2026-10-10T09:00", "sat", True),  # a working Saturday
        ("2026-10-01T09:00", "thu", False),  # a holiday
        ("2026-11-26T00:30", "thu", False),
    ],
)
def test_days_and_working_time_go_by_the_calendar(sample: Reference, at: str, day: str, working: bool) -> None:
    facts = sample.facts(LAMP, "dark", MICRO_GRID, local=on(at))
    assert isinstance(facts, Facts)
    assert facts.moment is not None
    assert (facts.moment.day, facts.moment.working) == (day, working)
    assert matches(When.model_validate_json(f'{{"days": ["{day}"], "working": {str(working).lower()}}}'), facts)
    assert not matches(When.model_validate_json(f'{{"working": {str(not working).lower()}}}'), facts)
    assert not matches(When.model_validate_json('{"days": ["sun"]}'), facts)


def test_why_a_rule_by_time_or_answer_does_not_match_is_said(sample: Reference) -> None:
    rules = [
        Rule(code="aa", order=1, when=When(hours=("22:00-06:00",)), to=("gas",), why="-"),
        Rule(code="bb", order=2, when=When(days=("sat", "sun")), to=("gas",), why="-"),
        Rule(code="cc", order=3, when=When(working=False), to=("gas",), why="-"),
        Rule(code="dd", order=4, when=When(answers={"extent": ("street",)}), to=("gas",), why="-"),
    ]
    facts = sample.facts(LAMP, "dark", MICRO_GRID, local=on("2026-11-25T10:00"))
    assert isinstance(facts, Facts)
    assert [step.text for step in explain(rules, sample.departments, facts)] == [
        "hours: 22:00-06:00",
        "days: sat, sun",
        "working: outside working time",
        "answers: extent = street",
    ]


def test_a_change_that_only_shows_at_night_or_for_an_answer_is_told(tmp_path: Path, sample: Reference) -> None:
    directory = copy_of_sample(tmp_path)
    edit(directory, "routing.yaml", 'to: [gas, fire, "@community"]', "to: [gas, fire]")
    edit(directory, "routing.yaml", 'to: ["@acts", power]', "to: [power]")
    text = (directory / "routing.yaml").read_text(encoding="utf-8")
    text = text.replace("departments: [gas, fire, community-140302003001]", "departments: [gas, fire]")
    text = text.replace("departments: [municipal, power]", "departments: [power]")
    (directory / "routing.yaml").write_text(text, encoding="utf-8")
    told = [(one.category, one.when, one.after) for one in changes(sample, load(directory)).routes if not one.case]
    assert {one for one in told if one[0] == "gb30428:P0137"} == {
        ("gb30428:P0137", "extent = street", "power (street-dark-also-power)")
    }
    assert {one[1] for one in told if one[0] == "gb30428:P0504"} == {"22:00-06:00"}


def test_questions_are_said_once(tmp_path: Path) -> None:

    directory = copy_of_sample(tmp_path)
    edit(directory, "categories.yaml", "{code: street, zh", "{code: single, zh")
    with pytest.raises(ReferenceInvalid, match="a choice code twice"):
        load(directory)
