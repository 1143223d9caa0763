"""Rule sets that carry their own examples: points and calendars are refused if one does not come out as written."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.reference.beidajie import DIRECTORY
from services.points.domain import hazard
from services.points.domain.incident import HAZARD, How, Resolved, Sighting
from services.points.domain.tariff import Row, Tariffs
from services.points.rules import ReferenceRules
from shared.reference import load
from shared.reference.calendars import Calendar
from tests.support.reference import copy_of_sample, edit, faults

SAMPLE = load(DIRECTORY)
POINTS, CALENDAR = "points.yaml", "calendar-2026.yaml"
DAY = timedelta(hours=8)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return copy_of_sample(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "where", "reason"),
    [
        (POINTS, "hazard_first, points: 5", "hazard_first, points: 6", "cases.hazard.0", "expected [5], got [6]"),
        (POINTS, "emergency_points: 10", "emergency_points: 12", "cases.hazard.1", "expected [10], got [12]"),
        (POINTS, "max_reporters: 3", "max_reporters: 2", "cases.hazard.2", "got [5, 1, 1, 0, 0]"),
        (POINTS, "within_hours: 24", "within_hours: 23", "cases.hazard.2", "got [5, 1, 1, 0, 0]"),
        (POINTS, "within_hours: 24", "within_hours: 25", "cases.hazard.3", "expected [5, 0], got [5, 1]"),
        (POINTS, "hazard_self_fixed, points: 1", "hazard_self_fixed, points: 2", "cases.hazard.5", "got [2]"),
        (POINTS, "hazard_outstanding, points: 20", "hazard_outstanding, points: 21", "cases.hazard.6", "got [21]"),
        (POINTS, "meeting: {points: 2", "meeting: {points: 3", "cases.activities.0 (meeting)", "expected 2, got 3"),
        (POINTS, "2, once_per_event: true", "2, once_per_event: false", "cases.activities.1 (meeting)", "got 2"),
        (POINTS, "cooldown_minutes: 10", "cooldown_minutes: 5", "cases.activities.5 (home_visit)", "expected 0 (cooldown), got 2"),
        (POINTS, "3, cap_day: 9", "3, cap_day: 12", "cases.activities.7 (help)", "expected 0 (cap), got 3"),
        (POINTS, "    - {activity: volunteer, pays: 4}", "", "activities.volunteer", "no case shows"),
        (POINTS, "    - {how: outstanding, pays: [20]}\n", "", "hazard.outstanding", "no case shows"),
        (POINTS, "\ncases:", "\ncase:", "cases", "required"),
        (CALENDAR, "  - 2026-10-10\n", "", "cases.2", "expected 2026-10-10 17:00, got 2026-10-12 17:00"),
        (CALENDAR, "  - 2026-10-07\n", "", "cases.0", "expected 2026-10-09 17:00, got 2026-10-08 17:00"),
        (CALENDAR, '"18:00"]]', '"17:00"]]', "cases.5", "expected 2026-09-20 18:00, got 2026-09-20 17:00"),
        (CALENDAR, "confirmed: {first: 2026-09-01,", "confirmed: {first: 2026-08-31,", "cases.7", "expected it unconfirmed"),
        (CALENDAR, "year: 2026", "year: 2027", "year", "file's name"),
        (CALENDAR, "  - 2026-09-20\n", "  - 2026-02-14\n", "days_working", "2026-02-14 is not in the part"),
        (CALENDAR, "  - 2026-09-20\n", "  - 2026-09-25\n", "days_working", "2026-09-25 is also off"),
        (CALENDAR, '["14:00", "18:00"]', '["11:00", "18:00"]', "hours", "follow each other"),
        (CALENDAR, '["14:00", "18:00"]', "[14:00, 18:00]", "hours.1.0", "string"),
        (CALENDAR, "first: 2026-09-01, last: 2026-12-31", "first: 2026-12-31, last: 2026-09-01", "confirmed", "no part"),
    ],
)  # fmt: skip
def test_a_rule_set_that_does_not_do_what_its_examples_say_is_refused(
    directory: Path, name: str, old: str, new: str, where: str, reason: str
) -> None:
    edit(directory, name, old, new)
    found = faults(directory)
    assert any(fault.file == name and fault.where == where and reason in fault.reason for fault in found), found


def test_a_calendar_without_an_example_is_refused(directory: Path) -> None:
    text = (directory / CALENDAR).read_text(encoding="utf-8")
    (directory / CALENDAR).write_text(text[: text.index("cases:")] + "cases: []\n", encoding="utf-8")
    assert [(fault.file, fault.where) for fault in faults(directory)] == [(CALENDAR, "cases")]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "working", "due"),
    [
        ("2026-09-30T17:00", 2 * DAY, "2026-10-09T17:00"),
        ("2026-09-30T17:00", 3 * DAY, "2026-10-10T17:00"),
        ("2026-09-25T09:00", timedelta(hours=1), "2026-09-28T09:00"),
        ("2026-10-10T09:00", timedelta(hours=4), "2026-10-10T15:00"),
    ],
)
def test_scenario_34_working_time_with_the_official_days_of_2026(start: str, working: timedelta, due: str) -> None:
    assert SAMPLE.calendar.after(at(start), working) == (at(due), True)


def test_scenario_34_a_year_without_a_file_is_monday_to_friday_and_unconfirmed() -> None:
    # 1 to 7 October 2027 will be off, but nobody has said so yet.
    assert SAMPLE.calendar.after(at("2027-10-01T09:00"), DAY) == (at("2027-10-04T09:00"), False)
    assert Calendar({}).after(at("2026-10-01T09:00"), DAY) == (at("2026-10-02T09:00"), False)


def test_days_before_the_part_that_is_entered_are_unconfirmed() -> None:
    assert not SAMPLE.calendar.confirms(date(2026, 2, 16))
    assert SAMPLE.calendar.confirms(date(2026, 11, 25))


@given(
    minutes=st.lists(st.integers(0, 3000), max_size=6).map(sorted),
    emergency=st.booleans(),
)
def test_the_examples_are_judged_as_the_points_service_pays(minutes: list[int], emergency: bool) -> None:
    """Two readers of one table: if they differed, a green example would mean nothing."""
    start = datetime(2026, 11, 25, tzinfo=UTC)
    reporters = [0, *minutes]
    sightings = tuple(
        Sighting(f"r{n}", f"p{n}", start + timedelta(minutes=m), start + timedelta(minutes=m))
        for n, m in enumerate(reporters)
    )
    tariffs: Tariffs = ReferenceRules(SAMPLE).tariffs("140302003")
    paid = {a.rider: a.points for a in hazard.due(Resolved(1, How.DEPARTMENT, emergency, HAZARD, sightings), tariffs)}
    shares = SAMPLE.points.hazard.shares(reporters, emergency=emergency)
    assert [paid.get(f"r{n}", 0) for n in range(len(reporters))] == shares


def test_the_rows_of_the_table_are_those_of_the_service() -> None:
    row = ReferenceRules(SAMPLE).tariffs("140302003").versions[0].first
    assert row == Row("hazard_first", SAMPLE.points.hazard.first.points, 10)
