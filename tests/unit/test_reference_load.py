"""Bad reference data is refused as a whole, and everything that is wrong is said at once."""

from pathlib import Path

import pytest

from shared.reference import Fault, load
from tests.support.reference import copy_of_sample, edit, faults

GEOJSON = "subdistrict-140302003.geojson"
TREE = "subdistrict-140302003.yaml"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the sample that a test may spoil."""
    return copy_of_sample(tmp_path)


@pytest.mark.parametrize("radius", ["0", "4.9", "-25", '"25"', "0.4", "true", ".nan", "101"])
def test_scenario_11_a_senseless_radius_is_refused_with_its_setting(directory: Path, radius: str) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", f"radius_m: {radius}")
    (fault,) = faults(directory)
    assert fault.file == "categories.yaml"
    assert fault.where == "categories.0 (P0101).radius_m"


def test_scenario_11_five_metres_are_enough(directory: Path) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", "radius_m: 5")
    assert load(directory).categories["gb30428", "P0101"].radius_m == 5


def test_faults_of_all_files_are_reported_together(directory: Path) -> None:
    edit(directory, "categories.yaml", "radius_m: 25", "radius_m: 0")
    edit(directory, "departments.yaml", "code: drainage", "code: Drainage!")
    edit(directory, "points.yaml", "points: 2", "points: 0")
    edit(directory, TREE, "Asia/Shanghai", "Asia/Yangquan")
    (directory / "routing.yaml").unlink()
    (directory / "catgories.yaml").write_text("{}")
    found = faults(directory)
    assert {fault.file for fault in found} >= {
        "categories.yaml", "departments.yaml", "points.yaml", "routing.yaml", "catgories.yaml", TREE,
    }  # fmt: skip
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("name", "old", "new", "where", "reason"),
    [
        ("departments.yaml", "code: fire", "code: water", "departments (water)", "twice"),
        ("departments.yaml", "code: fire", "code: community-1", "departments (community-1)", "grid tree"),
        ("departments.yaml", "code: fire,", "code: fire, colour: red,", "departments.10 (fire).colour", "not permitted"),
        ("departments.yaml", "code: fire,", "code: fire, code: feuer,", "line 15", "'code' twice"),
        ("categories.yaml", "acts: [drainage]", "acts: [drains]", "categories (gb30428:P0102).acts", "'drains'"),
        ("categories.yaml", "code: P0102", "code: P0101", "categories (gb30428:P0101).code", "twice"),
        ("categories.yaml", "scheme: gb30428\n", "scheme: gb\n", "categories (gb:P0101).scheme", "'gb'"),
        ("categories.yaml", "tile: cover", "tile: lid", "categories (gb30428:P0101).tile", "'lid'"),
        ("categories.yaml", "code: P0101", "code: P101", "categories.0 (P101).code", "pattern"),
        ("categories.yaml", "unit: uh", "unit: h", "categories.0 (P0101).conditions.0 (missing).limit.unit", "'uh'"),
        ("points.yaml", "  help:", "  helping:", "activities.helping.[key]", "'help'"),
        ("points.yaml", "rule: hazard_co_reporter", "rule: hazard_first", "hazard", "twice"),
        (TREE, '"140302003001"', '"140302003011"', "communities (140302003001001)", "140302003011"),
        (TREE, 'code: "140302003"', "code: 140302003", "code", "string"),
        (TREE, "lat: 37.86", "lat: 38.86", "centre", "not in the area"),
        (GEOJSON, "14030200300100101", "14030200300100102", "features (14030200300100102)", "twice"),
        (GEOJSON, "14030200300100101", "1403020030010010", "features.0 (1403020030010010).properties.code", "pattern"),
        (GEOJSON, '"kind":"mobile"', '"kind":"business"', "features (14030200300000099).geometry", "mobile"),
        (GEOJSON, "[113.568609,37.868307]", "[37.868307,113.568609]", "*", "less than or equal to 90"),
        (GEOJSON, '"comment"', '"crs"', "crs", "not permitted"),
        (GEOJSON, '{"type":"FeatureCollection"', '{"type":"Feature', "", "cannot be read"),
    ],
)  # fmt: skip
def test_a_fault_names_file_place_and_reason(
    directory: Path, name: str, old: str, new: str, where: str, reason: str
) -> None:
    edit(directory, name, old, new)
    found = [fault for fault in faults(directory) if fault.file == name]
    assert any(where in ("*", fault.where) and reason in fault.reason for fault in found), found


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("class: E, limit: {value: 2, unit: uh}", "class: E, limit: {value: 3, unit: uh}", "3 uh is not class E"),
        ("class: N, limit: {value: 2, unit: wd}", "class: N, limit: {value: 8, unit: wd}", "8 wd is not class N"),
        ("class: N, limit: {value: 5, unit: wd}", "class: L, limit: {value: 5, unit: wd}", "5 wd is not class L"),
        (", repair: {value: 2, unit: wd}", "", "needs a repair limit"),
        ("class: N, limit: {value: 4, unit: wh}", "class: U, limit: {value: 4, unit: wh}", "4 wh is not class U"),
    ],
)
def test_limits_must_fit_their_class(directory: Path, old: str, new: str, reason: str) -> None:
    edit(directory, "categories.yaml", old, new)
    # The conditions of P0101 are shared by its neighbours, so they are faults of each.
    assert all(reason in fault.reason for fault in faults(directory))


def test_the_first_condition_is_the_most_urgent_one(directory: Path) -> None:
    burst = "code: burst, zh: 破损, en: burst, class: E, limit: {value: 1, unit: uh}, repair: {value: 2, unit: wd}"
    blocked = "code: blocked, zh: 堵塞, en: blocked, class: N, limit: {value: 4, unit: wh}"
    edit(directory, "categories.yaml", burst, "code: burst, zh: 破损, en: burst, class: N, limit: {value: 1, unit: wh}")
    edit(directory, "categories.yaml", blocked, blocked.replace("N", "U").replace("wh", "uh"))
    assert any("most urgent" in fault.reason for fault in faults(directory))


def test_overlapping_micro_grids_are_refused(directory: Path) -> None:
    # The first micro-grid's north-east corner moves 90 m to the east, over its neighbour.
    edit(directory, GEOJSON, "[113.569781,37.869392],[113.5686,37.86936]", "[113.5708,37.8694],[113.5686,37.86936]")
    found = faults(directory)
    assert any("overlaps 14030200300100102 by" in fault.reason for fault in found), found


def test_a_crossed_polygon_is_refused(directory: Path) -> None:
    edit(directory, GEOJSON, "[113.569781,37.869392],[113.5686,37.86936]", "[113.5686,37.86936],[113.569781,37.869392]")
    assert any("Self-intersection" in fault.reason for fault in faults(directory))


def test_a_basic_grid_without_micro_grids_is_refused(directory: Path) -> None:
    first = '      - {code: "140302003001001"'
    edit(directory, TREE, first, '      - {code: "140302003001099", zh: 空, en: empty}\n' + first)
    (fault,) = faults(directory)
    assert fault == Fault(GEOJSON, "features (140302003001099)", "basic grid without a micro-grid")


def test_several_subdistricts_live_in_one_directory(directory: Path) -> None:
    for suffix in ("yaml", "geojson"):
        text = (directory / f"subdistrict-140302003.{suffix}").read_text(encoding="utf-8")
        text = text.replace("140302003", "140302004").replace("[113.", "[114.").replace("lng: 113.", "lng: 114.")
        (directory / f"subdistrict-140302004.{suffix}").write_text(text, encoding="utf-8")
    reference = load(directory)
    assert sorted(reference.subdistricts) == ["140302003", "140302004"]
    assert len(reference.grid) == 642
    here, there = reference.grid.locate(113.58, 37.857), reference.grid.locate(114.58, 37.857)
    assert here is not None
    assert there is not None
    assert (here.subdistrict, there.subdistrict) == ("140302003", "140302004")
    assert "community-140302004009" in reference.departments


def test_a_subdistrict_on_top_of_another_is_refused(directory: Path) -> None:
    for suffix in ("yaml", "geojson"):
        text = (directory / f"subdistrict-140302003.{suffix}").read_text(encoding="utf-8")
        text = text.replace("140302003", "140302004")
        (directory / f"subdistrict-140302004.{suffix}").write_text(text, encoding="utf-8")
    assert any("overlaps" in fault.reason for fault in faults(directory))


def test_a_subdistrict_needs_both_files(directory: Path) -> None:
    (directory / GEOJSON).unlink()
    assert Fault(GEOJSON, "", "missing") in faults(directory)


def test_no_directory_and_an_empty_one(tmp_path: Path) -> None:
    assert faults(tmp_path / "nowhere") == [Fault(str(tmp_path / "nowhere"), "", "is not a directory")]
    assert {fault.reason.split(":")[0] for fault in faults(tmp_path)} == {"missing"}


def test_every_byte_counts_for_the_version_and_a_readme_does_not(directory: Path) -> None:
    before = load(directory).version
    (directory / "README.md").write_text("other words")
    assert load(directory).version == before
    edit(directory, "points.yaml", "# SYNTHETIC", "# Synthetic")
    assert load(directory).version != before


def test_what_is_loaded_cannot_be_changed(directory: Path) -> None:
    reference = load(directory)
    with pytest.raises(TypeError):
        reference.departments["x"] = reference.departments["water"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        reference.departments["water"].en = "other"  # type: ignore[misc]
