"""What one more award is worth, and which version of the rules says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from services.points.domain.awarding import award, needs_second
from services.points.domain.caps import Month
from services.points.domain.hazard import due
from services.points.domain.incident import HAZARD, How, Resolved, Sighting
from services.points.domain.tariff import ActivityRule, Tariff, Tariffs
from services.points.rules import ReferenceRules
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load
from shared.reference.points import ActivityCase
from tests.support.pointing import NINE, TARIFF
from tests.support.stack import REFERENCE

SAMPLE = load(REFERENCE)
RULES = ReferenceRules(SAMPLE)
ZONE = RULES.zone("140302003")
NEXT_YEAR = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
"""Midnight in Beidajie."""


def stood(case: ActivityCase) -> Month:
    """The month that a case of the reference data tells of, just before 09:00 of the 25th."""
    since = [NINE - timedelta(minutes=case.since_minutes)] if case.since_minutes is not None else []
    return Month("m", {"25": case.day, "24": case.month - case.day if case.month else 0}, tuple(since))


@pytest.mark.parametrize("case", [case for case in SAMPLE.points.cases.activities if not case.again])
def test_the_examples_of_the_reference_data_come_out_here_too(case: ActivityCase) -> None:
    rule = RULES.tariffs("140302003").at(NINE).activities[case.activity]
    counted = award(rule, stood(case), NINE, ZONE)
    assert (counted.points, counted.why) == (case.pays, case.why)


VISIT = ActivityRule("home_visit", 2, cap_day=4, cooldown=timedelta(minutes=10))


def test_some_time_must_pass_between_two_that_are_paid_whichever_is_heard_of_first() -> None:
    first = award(VISIT, Month("m"), NINE, ZONE)
    for minutes in (9, -9, 0):
        near = award(VISIT, first.month, NINE + timedelta(minutes=minutes), ZONE)
        assert (near.points, near.why, near.month) == (0, "cooldown", first.month)
    second = award(VISIT, first.month, NINE + timedelta(minutes=10), ZONE)
    assert (second.points, second.why) == (2, None)
    third = award(VISIT, second.month, NINE + timedelta(minutes=20), ZONE)
    assert (third.points, third.why, third.month) == (0, "cap", second.month)


def test_another_amount_counts_towards_the_same_caps() -> None:
    assert award(VISIT, Month("m"), NINE, ZONE, 5).why == "cap"
    assert award(VISIT, Month("m"), NINE, ZONE, 4).month.days == {"25": 4}


def test_a_second_approver_from_one_point_over_the_line() -> None:
    assert [needs_second(points, TARIFF) for points in (20, 21)] == [False, True]


def two_versions(tmp_path: Path, **later: object) -> Path:
    """The sample's rules until the end of the year, then `2027-1` with 6 for the first reporter."""
    for file in REFERENCE.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "points.yaml"
    old = path.read_text(encoding="utf-8")
    new = yaml.safe_load(old.replace("hazard_first, points: 5", "hazard_first, points: 6").replace("2026-1", "2027-1"))
    for case in new["cases"]["hazard"]:
        case["pays"] = [6 if points == 5 else points for points in case["pays"]]
    both = {**new, "effective_from": NEXT_YEAR.astimezone(ZONE).date(), "earlier": [yaml.safe_load(old)], **later}
    path.write_text(yaml.safe_dump(both), encoding="utf-8")
    return tmp_path


def test_what_was_seen_before_midnight_is_paid_by_the_rules_of_then(tmp_path: Path) -> None:
    tariffs = ReferenceRules(load(two_versions(tmp_path))).tariffs("140302003")

    def paid(captured: datetime) -> tuple[str, int]:
        seen = Sighting("anna", "r1", captured, NEXT_YEAR + timedelta(hours=3))
        (only,) = due(Resolved(1, How.DEPARTMENT, False, HAZARD, (seen,)), tariffs)
        return tariffs.at(only.at).version, only.points

    assert paid(NEXT_YEAR - timedelta(seconds=1)) == ("2026-1", 5)
    assert paid(NEXT_YEAR) == ("2027-1", 6)


def test_each_reporter_is_paid_by_the_rules_of_his_own_time(tmp_path: Path) -> None:
    tariffs = Tariffs.of([_double(), TARIFF])
    first = Sighting("anna", "r1", NEXT_YEAR - timedelta(hours=1), NEXT_YEAR)
    other = Sighting("bert", "r2", NEXT_YEAR + timedelta(hours=1), NEXT_YEAR + timedelta(hours=1))
    paid = due(Resolved(1, How.DEPARTMENT, False, HAZARD, (first, other)), tariffs)
    assert [(award.rider, award.points) for award in paid] == [("anna", 5), ("bert", 2)]


def _double() -> Tariff:
    first, other = replace(TARIFF.first, points=10), replace(TARIFF.co_reporter, points=2)
    return replace(TARIFF, version="2027-1", since=NEXT_YEAR, first=first, co_reporter=other)


def test_before_all_versions_the_oldest_holds() -> None:
    dated = Tariffs.of([_double()])
    assert dated.at(NINE).version == "2027-1"
    assert dated.named("2026-1") is None


@pytest.mark.parametrize(
    ("later", "where"),
    [
        ({"effective_from": None}, "earlier.0.effective_from"),
        ({"version": "2026-1"}, "earlier.0.version"),
        ({"second_approver_over": 0}, "second_approver_over"),
    ],
)
def test_versions_that_leave_it_open_which_one_holds_are_refused(
    tmp_path: Path, later: dict[str, object], where: str
) -> None:
    with pytest.raises(ReferenceInvalid) as refused:
        load(two_versions(tmp_path, **later))
    assert where in [fault.where for fault in refused.value.faults]


def test_an_earlier_version_proves_itself_too(tmp_path: Path) -> None:
    wrong = yaml.safe_load((REFERENCE / "points.yaml").read_text(encoding="utf-8"))
    wrong["activities"]["help"]["points"] = 4
    with pytest.raises(ReferenceInvalid) as refused:
        load(two_versions(tmp_path, earlier=[wrong]))
    assert any(fault.where.startswith("earlier.0.cases.activities") for fault in refused.value.faults)
