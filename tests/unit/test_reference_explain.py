"""Explaining a route: the rule that decided, and why each one before it did not."""

import json

import pytest
from typer.testing import CliRunner

from ops.reference.beidajie import DIRECTORY
from ops.reference.command import app
from shared.reference import Reference, load
from shared.reference.explaining import explain
from shared.reference.routing import Facts, Rule, When

MICRO_GRID = "14030200300500101"
RULES = [
    Rule(code="gas-only", order=1, when=When(category=("gb30428:P0109",)), to=("gas",), why="gas"),
    Rule(code="elsewhere", order=2, when=When(place=("140302004",)), to=("fire",), why="another"),
    Rule(code="here", order=3, when=When(place=("140302003",)), to=("drainage",), why="here"),
    Rule(code="last", order=4, to=("@acts",), why="all"),
]


@pytest.fixture(scope="module")
def sample() -> Reference:
    return load(DIRECTORY)


def told(sample: Reference, place: str | None) -> list[tuple[str, str, str]]:
    kind = sample.categories["gb30428", "P0103"]
    steps = explain(RULES, sample.departments, Facts(kind, "missing", "U", place))
    return [(step.rule, step.verdict, step.text) for step in steps]


def test_every_earlier_rule_says_why_not(sample: Reference) -> None:
    assert told(sample, MICRO_GRID) == [
        ("gas-only", "no_match", "category: gb30428:P0109"),
        ("elsewhere", "no_match", "place: 140302004"),
        ("here", "decides", "drainage"),
        ("last", "not_asked", ""),
    ]


def test_a_rule_that_cannot_tell_ends_it(sample: Reference) -> None:
    assert [step[1] for step in told(sample, None)] == ["no_match", "cannot_tell", "not_asked", "not_asked"]


def test_the_command_agrees_with_the_route(sample: Reference) -> None:
    arguments = ["explain", str(DIRECTORY), "--category", "gb30428:P0103", "--place", MICRO_GRID, "--output", "json"]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    decided = [step for step in json.loads(answer.output)["steps"] if step["verdict"] == "decides"]
    route = sample.route(("gb30428", "P0103"), None, MICRO_GRID)
    assert [step["rule"] for step in decided] == [route.rule]
    assert CliRunner().invoke(app, ["explain", str(DIRECTORY), "--category", "gb30428:X"]).exit_code == 2
