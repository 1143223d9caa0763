"""The sample's categories against the design's table, row by row: which limits, who acts, under which scheme."""

from collections.abc import Mapping

import pytest

from ops.reference.beidajie import DIRECTORY
from shared.reference import Category, load

SAMPLE = load(DIRECTORY)
OLD = "gb30428-2013"
COVER = "2 uh, 4 wh, 2 wd, 5 wd"
AS_ABOVE = "2 uh, 1 wd, 2 wd, 5 wd"

# code: limits in the order of the conditions, who may act (one of them gets the order); as in categories.md
TABLE: Mapping[str, tuple[str, str]] = {
    "P0101": (COVER, "water"),
    "P0102": (COVER, "drainage"),
    "P0103": (COVER, "drainage"),
    "P0104": ("2 uh, 4 wh, 1 wd, 2 wd, 5 wd", "drainage"),
    "P0105": (AS_ABOVE, "power"),
    "P0106": (AS_ABOVE, "municipal"),
    "P0110": (AS_ABOVE, "heating"),
    "P0111": (AS_ABOVE, "gas"),
    "P0114": (AS_ABOVE, "parks"),
    "P0118": (AS_ABOVE, "sanitation"),
    "P0123": (AS_ABOVE, "subdistrict"),
    "P0126": ("4 uh, 1 wd", "municipal"),
    "E0501": ("1 uh, 5 wd", "water"),
    "E0502": ("1 uh, 5 wd", "gas"),
    "E0504": ("1 uh, 5 wd", "heating"),
    "E0503": ("1 uh, 4 wh", "drainage"),
    "E0505": ("2 uh", "municipal"),
    "E0506": ("2 uh", "drainage"),
    "E0507": ("4 wh", "sanitation"),
    "E0508": ("2 wh", "power, telecom"),
    "E0596": ("2 uh", "subdistrict, property"),
    "E0496": ("2 wh", "enforcement, fire"),
    "E0108": ("4 wh, 5 wd", "subdistrict"),
    "E0120": ("2 uh", "enforcement, sanitation"),
    "P0131": ("4 uh", "telecom"),
    "P0130": ("2 wd", "power"),
    "P0303": ("4 uh", "sanitation"),
    "P0504": ("2 uh", "gas"),
    "P0402": ("1 wd", "parks"),
    "P0137": ("1 wd, 2 wd, 2 wh", "municipal"),
    "E0113": ("5 wd", "municipal"),
    "P0284": ("5 wd, 7 wd", "municipal"),
    "P0181": ("5 wd", "municipal"),
    "P0217": ("1 wd, 3 wd", "municipal, traffic-police"),
    "P0220": ("3 wd", "municipal, traffic-police"),
    "P0212": ("2 wd, 3 wd", "municipal, traffic-police"),
    "P0306": ("1 wd, 2 wd", "enforcement"),
    "P0307": ("1 wd, 2 wd", "enforcement"),
    "P0301": ("4 wh, 1 wd", "sanitation"),
    "P0305": ("3 wd", "sanitation"),
    "P0199": ("2 wh, 1 wd, 1 wd", "subdistrict"),
    "E0110": ("4 wh", "sanitation, subdistrict"),
    "E0192": ("4 wh", "sanitation, subdistrict"),
    "E0111": ("5 wd", "sanitation, subdistrict"),
    "E0112": ("2 wh", "sanitation, subdistrict"),
    "E0114": ("4 wh", "sanitation, subdistrict"),
    "E0135": ("2 wd", "sanitation, subdistrict"),
    "E0137": ("4 wh", "sanitation, subdistrict"),
    "E0128": ("2 uh", "enforcement, subdistrict"),
    "E0301": ("2 uh", "enforcement, subdistrict"),
    "E0129": ("2 uh", "enforcement, subdistrict"),
    "E0201": ("1 wd", "enforcement, subdistrict"),
    "E0303": ("1 wd", "enforcement, subdistrict"),
    "E0304": ("2 wh", "enforcement, subdistrict"),
    "E0401": ("2 uh", "enforcement, subdistrict"),
    "E0410": ("2 wh", "enforcement, subdistrict"),
}
LIFE_SAFETY = {"E0508", "E0496"}
"""Class E although the standard counts working hours: night counts."""


@pytest.mark.parametrize("code", TABLE)
def test_a_row_of_the_table(code: str) -> None:
    category = SAMPLE.categories[OLD if code == "P0105" else "gb30428", code]
    limits, acts = TABLE[code]
    assert ", ".join(f"{c.limit.value} {c.limit.unit}" for c in category.conditions) == limits
    wanted = acts.split(", ")
    assert set(wanted) <= {*category.acts, *category.alternates}
    assert set(category.acts) <= set(wanted)


@pytest.mark.parametrize("code", sorted(LIFE_SAFETY))
def test_night_counts_where_life_is_at_stake(code: str) -> None:
    (condition,) = SAMPLE.categories["gb30428", code].conditions
    assert (condition.priority, condition.limit.unit) == ("E", "wh")


def test_there_is_nothing_else_but_the_nine_locals() -> None:
    standard = {category.code for category in SAMPLE.categories.values() if category.scheme != "local"}
    assert standard == set(TABLE)
    assert {category.code for category in _local()} == {f"L0{n}" for n in range(1, 10)}


def test_locals_are_never_exported_and_take_one_to_seven_days_but_fireworks() -> None:
    assert not SAMPLE.schemes["local"].exported
    for category in _local():
        for condition in category.conditions:
            limit = f"{condition.limit.value} {condition.limit.unit}"
            assert limit == "2 uh" if category.code == "L01" else condition.limit.unit == "wd"
            assert 1 <= condition.limit.value <= 7


def test_old_and_new_generation_of_the_standard_do_not_meet() -> None:
    assert ("gb30428", "P0105") not in SAMPLE.categories
    assert {scheme for scheme, code in SAMPLE.categories if code == "P0118"} == {"gb30428"}


def test_all_departments_of_the_design() -> None:
    named = "municipal drainage water heating gas power telecom parks sanitation enforcement fire health civil-affairs"
    wanted = {*named.split(), "traffic-police", "market-supervision", "property", "subdistrict"}
    assert {code for code in SAMPLE.departments if not code.startswith("community-")} == wanted


def test_one_tile_covers_all_covers_and_the_letters_tell_them_apart() -> None:
    covers = [c for c in SAMPLE.categories.values() if c.tile == "cover"]
    marks = [mark for cover in covers for mark in cover.marks]
    assert len(set(marks)) == len(marks)
    assert not SAMPLE.categories["gb30428", "P0123"].marks


def _local() -> list[Category]:
    return [category for category in SAMPLE.categories.values() if category.scheme == "local"]
