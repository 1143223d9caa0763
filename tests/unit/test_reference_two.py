"""A second, tiny sub-district beside the first: another province, zone, counts and centre. Nothing assumes one."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ops.reference.beidajie import DIRECTORY
from services.dispatch.rules import ReferenceRules as DispatchRules
from services.intake.rules import ReferenceRules as IntakeRules
from services.notify.domain.words import Words
from services.notify.rules import ReferenceNames
from services.points.rules import ReferenceRules as PointsRules
from shared.reference import Reference, Route, load
from tests.support.reference import HILLSIDE, copy_of_sample

ROOT = Path(__file__).parents[2]
THERE, HERE = (87.602, 43.806), (113.58, 37.857)
UPHILL = "650102007011"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    directory = copy_of_sample(tmp_path_factory.mktemp("both"))
    shutil.copytree(HILLSIDE, directory, dirs_exist_ok=True)
    return load(directory)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The second without the first: what is common to a district, and rules that name no place."""
    directory = tmp_path_factory.mktemp("alone")
    for name in ("categories.yaml", "departments.yaml", "points.yaml", "calendar-2026.yaml"):
        shutil.copy(DIRECTORY / name, directory)
    shutil.copytree(HILLSIDE, directory, dirs_exist_ok=True)
    rule = "  - {code: all, order: 1, to: ['@acts'], why: the standard names who acts}"
    case = "  - {category: 'local:L04', place: '650102007012', rule: all, departments: [community-650102007012]}"
    (directory / "routing.yaml").write_text(f"rules:\n{rule}\ncases:\n{case}\n", encoding="utf-8")
    return load(directory)


def test_both_have_their_own_counts(both: Reference) -> None:
    for code, counts in {"140302003": (9, 50, 321), "650102007": (2, 3, 5)}.items():
        of = [place for place in both.places.values() if place.code.startswith(code)]
        lengths = [
            sum(len(place.code) == length and place.kind in (None, "residential") for place in of)
            for length in (12, 15, 17)
        ]
        assert tuple(lengths) == counts
    assert both.subdistricts["650102007"].centre != both.subdistricts["140302003"].centre
    assert len(both.homes) == 10
    assert both.groups["squad-hillside-1"].above == "community-650102007012"


def test_a_point_lies_in_the_right_one(both: Reference, alone: Reference) -> None:
    for reference in (both, alone):
        place = IntakeRules(reference).locate(*THERE)
        assert place is not None
        assert (place.subdistrict, place.community, place.micro_grid) == ("650102007", UPHILL, "65010200701100101")
    assert IntakeRules(alone).locate(*HERE) is None
    assert IntakeRules(both).locate((THERE[0] + HERE[0]) / 2, (THERE[1] + HERE[1]) / 2) is None


def test_each_community_matter_goes_to_its_own_community(both: Reference, alone: Reference) -> None:
    for reference in (both, alone):
        route = reference.route(("local", "L04"), None, "65010200701100101")
        assert isinstance(route, Route)
        assert route.departments == (f"community-{UPHILL}",)
    assert isinstance(both.route(("local", "L04"), None, "14030200300100101"), Route)


def test_every_service_knows_both(both: Reference) -> None:
    for code, zone in {"140302003": "Asia/Shanghai", "650102007": "Asia/Urumqi"}.items():
        assert DispatchRules(both).hours(code).zone == ZoneInfo(zone)
        assert PointsRules(both).zone(code) == ZoneInfo(zone)
    assert DispatchRules(both).is_department(f"community-{UPHILL}")
    names = ReferenceNames(both)
    assert names.place(UPHILL) == Words("山上社区", "Uphill community")
    assert UPHILL in names.communities("650102007")
    assert UPHILL not in names.communities("140302003")


def test_the_same_moment_is_another_day_there(both: Reference) -> None:
    moment = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    days = {code: moment.astimezone(DispatchRules(both).hours(code).zone).date().day for code in both.subdistricts}
    assert days == {"140302003": 25, "650102007": 24}


def test_a_rule_about_a_place_of_the_one_says_nothing_about_the_other(both: Reference) -> None:
    rubbish = ("gb30428", "E0110")
    here, there = both.route(rubbish, None, "14030200300500101"), both.route(rubbish, None, "65010200701100101")
    assert isinstance(here, Route)
    assert isinstance(there, Route)
    assert (here.rule, there.rule) == ("business-district-rubbish", "whoever-acts")


def test_no_service_knows_the_code_of_a_sub_district() -> None:
    """Nine digits or more in quotes would be a place of somebody's; schemas and golden samples are pictures, not code."""
    code = re.compile(r"(?<![0-9])(140302|650102)[0-9]{3,11}(?![0-9])")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("services", "shared")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if code.search(line)
    ]
    assert not found
