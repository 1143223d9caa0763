"""Homes, prizes, squads, groups: what belongs together is checked together, and the sample has all that the design counts."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from ops.reference import beidajie
from ops.reference.beidajie_roster import HEAD
from services.intake.domain.roster import plan, twice
from services.intake.roster import read_roster
from services.intake.rules import ReferenceRules as IntakeRules
from services.intake.sheets import read_table
from shared.reference import Fault, Reference, load
from shared.reference.groups import Group
from shared.reference.homes import BASICS, HAVES
from shared.reference.prizes import worth
from tests.support.reference import copy_of_sample, edit, faults

FIRST = "140302003001"
GEOJSON = "subdistrict-140302003.geojson"


@pytest.fixture(scope="module")
def sample() -> Reference:
    return load(beidajie.DIRECTORY)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return copy_of_sample(tmp_path)


def test_nine_homes_with_six_haves_and_one_plus_seven_plus_x(sample: Reference) -> None:
    assert len(sample.homes) == 9
    assert {home.community for home in sample.homes.values()} == {c for c in sample.places if len(c) == 12}
    for home in sample.homes.values():
        assert (set(home.haves), set(home.basics), home.missing) == (set(HAVES), set(BASICS), ())
        assert (len(HAVES), len(BASICS)) == (6, 7)
        assert home.individual
        assert "示例" in home.zh


def test_every_home_has_stock_that_its_budget_covers(sample: Reference) -> None:
    total = worth(sample.prizes.values())
    assert total.keys() == sample.homes.keys()
    assert all(0 < total[home.code] <= home.budget for home in sample.homes.values())


def test_nine_squads_one_a_community(sample: Reference) -> None:
    assert Counter(squad.community for squad in sample.squads.values()) == {c: 1 for c in sample.places if len(c) == 12}
    assert {squad.team for squad in sample.squads.values()} == set(sample.teams)
    assert len(sample.partners) == 2


def test_groups_are_three_levels_and_the_squads(sample: Reference) -> None:
    levels = Counter(group.level for group in sample.groups.values())
    assert levels == {"community": 9, "officers": 9, "unit": 321 + 4, "squad": 9}
    unit = sample.groups[f"unit-{FIRST}00101"]
    assert unit == Group(f"unit-{FIRST}00101", "unit", f"{FIRST}00101", f"officers-{FIRST}")
    assert sample.groups[f"officers-{FIRST}"].above == f"community-{FIRST}"
    assert sample.groups[f"community-{FIRST}"].above is None
    assert sample.groups["squad-taobei-1"].above == f"community-{FIRST}"
    # an overlay spans communities
    assert sample.groups["unit-14030200300000091"].above is None


@pytest.mark.parametrize(
    ("name", "old", "new", "where", "reason"),
    [
        ("homes.yaml", "lat: 37.865929", "lat: 37.855", f"homes (home-{FIRST}).place", "is in 140302003007"),
        ("homes.yaml", "lat: 37.865929", "lat: 38.9", f"homes (home-{FIRST}).place", "outside every micro-grid"),
        ("homes.yaml", f'community: "{FIRST}"', 'community: "140302003010"', f"homes (home-{FIRST}).community", "tree"),
        ("homes.yaml", "home-140302003002", f"home-{FIRST}", f"homes (home-{FIRST}).code", "code twice"),
        ("homes.yaml", "haves: [sign,", "haves: [sign, sign,", f"homes (home-{FIRST}).haves", "twice"),
        ("homes.yaml", "haves: [sign,", "haves: [signs,", f"homes.0 (home-{FIRST}).haves.0", "'sign'"),
        ("homes.yaml", "budget: 600", "budget: 500", f"prizes.stock.home-{FIRST}", "the home's budget is 500"),
        ("prizes.yaml", "points: 5", "points: 0", "prizes.0 (towel).points", "greater than 0"),
        ("prizes.yaml", f"home-{FIRST}: 20", f"home-{FIRST}: -1", f"prizes.0 (towel).stock.home-{FIRST}", "greater"),
        ("prizes.yaml", f"home-{FIRST}: 20", f"home-{FIRST}9: 20", f"prizes (towel).stock.home-{FIRST}9", "no such"),
        ("prizes.yaml", "code: gloves", "code: towel", "prizes (towel).code", "code twice"),
        ("squads.yaml", "team: taobei", "team: taonan", "squads (taobei-1).team", "'taonan'"),
        ("squads.yaml", FIRST, "140302003010", "squads (taobei-1).community", "not in the grid tree"),
        ("squads.yaml", 'subdistrict: "140302003"', 'subdistrict: "140302004"', "teams (taobei).subdistrict", "tree"),
        ("squads.yaml", "code: taobei-2,", "code: taobei-1,", "squads (taobei-1).code", "code twice"),
        ("squads.yaml", "[squad-taobei-1]", "[]", "squads (taobei-1).groups", "squad-taobei-1 is missing"),
        ("subdistrict-140302003.yaml", f'"officers-{FIRST}"', '"officers"', f"communities ({FIRST}).groups", "missing"),
        (GEOJSON, f'"unit-{FIRST}00101"', '"unit-x"', f"features ({FIRST}00101).groups", "no group of it"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(
    directory: Path, name: str, old: str, new: str, where: str, reason: str
) -> None:
    edit(directory, name, old, new)
    found = faults(directory)
    assert any(fault.where == where and reason in fault.reason for fault in found), found


def test_a_sub_district_may_begin_without_homes_prizes_squads_and_calendar(directory: Path) -> None:
    for name in ("homes.yaml", "prizes.yaml", "squads.yaml", "calendar-2026.yaml"):
        (directory / name).unlink()
    reference = load(directory)
    assert not reference.homes
    assert not reference.calendar.years


def test_prizes_for_homes_that_are_gone_are_refused(directory: Path) -> None:
    (directory / "homes.yaml").unlink()
    assert Fault("prizes.yaml", f"prizes (towel).stock.home-{FIRST}", "there is no such home") in faults(directory)


def test_the_roster_is_no_part_of_the_reference(directory: Path, sample: Reference) -> None:
    (directory / "roster.csv").write_text("something else entirely")
    assert load(directory).version == sample.version


def test_the_roster_is_of_nobody() -> None:
    people = _people()
    assert all(person["name"].startswith("示例") for person in people)
    # 154 is given to no network, see ops.reference.beidajie_roster.
    phones = [person["phone"] for person in people]
    assert all(phone.startswith("154") and len(phone) == 11 for phone in phones)
    assert len(set(phones)) == len(phones)


def test_the_roster_has_whom_the_design_counts(sample: Reference) -> None:
    people = _people()
    assert tuple(people[0]) == HEAD
    roles = Counter(person["role"] for person in people)
    riders = [person for person in people if person["role"] == "rider"]
    assert (roles["rider"], roles["lead"], roles["administrator"]) == (240, 1, 1)
    assert {person["squad"] for person in riders} == set(sample.squads)
    assert Counter(person["squad"] for person in riders if person["captain"]) == dict.fromkeys(sample.squads, 1)
    assert sum(person["number"].startswith("TB") and person["status"] == "active" for person in riders) == 100
    assert Counter(person["status"] for person in riders) == {"active": 216, "trainee": 24}
    assert {person["partner"] for person in riders} == set(sample.partners)
    for person in riders:
        assert sample.squads[person["squad"]].community == person["community"]
    assert len({(person["partner"], person["number"]) for person in riders}) == 240


def test_the_roster_has_staff_for_every_community_and_one_account_an_inbox(sample: Reference) -> None:
    people = _people()
    communities = {code for code in sample.places if len(code) == 12}
    assert {person["communities"] for person in people if person["role"] == "staff"} == communities
    inboxes = [person["department"] for person in people if person["role"] == "department"]
    assert sorted(inboxes) == sorted(code for code, unit in sample.departments.items() if unit.contact == "inbox")


def _people() -> list[dict[str, str]]:
    with (beidajie.DIRECTORY / "roster.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_intake_takes_the_roster_over_without_a_fault(sample: Reference) -> None:
    rows = read_table((beidajie.DIRECTORY / "roster.csv").read_bytes())
    places = IntakeRules(sample).places("140302003")
    assert places is not None
    lines = read_roster(rows, places)
    assert [line.faults for line in lines if line.faults] == []
    assert twice(lines) == []
    planned = [plan(line, None, f"a{line.row}", "140302003") for line in lines]
    assert [faults for _, faults in planned if faults] == []
    assert Counter(one.after.status for one, _ in planned if one) == {"active": len(lines) - 24, "trainee": 24}
