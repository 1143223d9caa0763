"""The synthetic sub-district: exact counts, a true tiling, the same bytes every time, and quick to load."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import shapely
from shapely.geometry import shape

from ops.reference import beidajie
from shared.geo.crs import to_wgs84
from shared.reference import Reference, load

SAMPLE = beidajie.DIRECTORY
P0 = (113.58, 37.857)


@pytest.fixture(scope="module")
def sample() -> Reference:
    return load(SAMPLE)


def test_the_generator_writes_the_committed_bytes_again(tmp_path: Path) -> None:
    beidajie.main(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(written) == {
        "subdistrict-140302003.yaml", "subdistrict-140302003.geojson", "homes.yaml", "prizes.yaml", "squads.yaml",
        "roster.csv",
    }  # fmt: skip
    for name, raw in written.items():
        assert raw == (SAMPLE / name).read_bytes(), f"{name}: run python -m ops.reference.beidajie"


def test_exactly_the_published_counts(sample: Reference) -> None:
    lengths = Counter(len(code) for code, place in sample.places.items() if place.kind in (None, "residential"))
    assert lengths == {9: 1, 12: 9, 15: 50, 17: 321}
    assert len(sample.grid) == 321
    kinds = Counter(place.kind for place in sample.places.values() if place.kind)
    assert kinds == {"residential": 321, "business": 2, "integrated": 1, "mobile": 1}


def test_the_tiles_leave_no_gap_and_share_no_ground() -> None:
    polygons = [shape(feature["geometry"]) for feature in _features("residential")]
    assert shapely.coverage_is_valid(polygons)
    area = shapely.union_all(polygons)
    assert area.geom_type == "Polygon"
    assert not area.interiors
    assert area.area == pytest.approx(sum(polygon.area for polygon in polygons), rel=1e-9)


def test_every_point_of_the_area_lies_in_a_micro_grid(sample: Reference) -> None:
    area = shapely.union_all([shape(feature["geometry"]) for feature in _features("residential")])
    west, south, east, north = area.bounds
    random = Random(321)
    for _ in range(3000):
        lng, lat = random.uniform(west, east), random.uniform(south, north)
        assert (sample.grid.locate(lng, lat) is not None) == area.dwithin(shapely.Point(lng, lat), 1e-7)


def test_serials_run_from_west_to_east_and_north_to_south() -> None:
    centres = {f["properties"]["code"]: shape(f["geometry"]).centroid for f in _features("residential")}
    first, second = centres["14030200300100101"], centres["14030200300100102"]
    below = centres["14030200300700101"]
    assert first.x < second.x
    assert first.y > below.y


def test_scenario_13_the_wrong_tag_lands_in_another_micro_grid(sample: Reference) -> None:
    here = sample.grid.locate(*P0)
    assert here is not None
    assert sample.grid.locate(*to_wgs84(113.586403, 37.857503, "gcj02")) == here
    there = sample.grid.locate(113.586403, 37.857503)
    assert there is not None
    assert there != here


def test_it_says_that_it_is_synthetic_and_stays_small(sample: Reference) -> None:
    assert sample.subdistricts["140302003"].synthetic
    assert "SYNTHETIC" in (SAMPLE / "README.md").read_text(encoding="utf-8")
    for path in SAMPLE.iterdir():
        if path.suffix != ".csv":  # a roster is read as it is; its people say themselves that they are samples
            assert "SYNTHETIC" in path.read_text(encoding="utf-8"), path.name
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 400_000


def test_the_version_is_a_sha256_over_sorted_files(sample: Reference) -> None:
    digest = hashlib.sha256()
    for path in sorted(p for p in SAMPLE.iterdir() if p.suffix in (".yaml", ".geojson")):
        raw = path.read_bytes()
        digest.update(f"{path.name}\0{len(raw)}\0".encode() + raw)
    assert sample.version == digest.hexdigest()


def test_departments_hold_one_inbox_per_community(sample: Reference) -> None:
    inboxes = [d for d in sample.departments.values() if d.community]
    assert [inbox.code for inbox in inboxes] == [f"community-140302003{n:03d}" for n in range(1, 10)]
    assert {inbox.contact for inbox in inboxes} == {"inbox"}
    assert len(sample.departments) == 17 + 9


def test_what_the_model_case_needs(sample: Reference) -> None:
    cover = sample.categories["gb30428", "P0103"]
    missing = cover.condition("missing")
    assert missing is not None
    assert (missing.priority, missing.limit.value, missing.limit.unit) == ("E", 2, "uh")
    assert missing.repair is not None
    assert (cover.radius_m, cover.pays, cover.public, cover.photo_required) == (25, "hazard", True, True)
    assert cover.condition("no-such-condition") is None
    assert sample.categories["gb30428", "P0137"].radius_m == 20
    assert sample.categories["gb30428", "E0506"].radius_m == 80
    assert sample.categories["gb30428", "E0113"].radius_m == 50
    # What residents tell is never public, and never counted by the standard's scheme.
    people = [category for category in sample.categories.values() if category.tile == "residents"]
    assert people
    assert not any(category.public or sample.schemes[category.scheme].exported for category in people)


def test_points_are_the_designs_table(sample: Reference) -> None:
    amounts = {activity: rule.points for activity, rule in sample.points.activities.items()}
    assert amounts == {
        "meeting": 2, "training": 3, "home_visit": 2, "help": 3, "hazard": 5, "hardship": 5, "volunteer": 4,
    }  # fmt: skip
    first, other = sample.points.hazard.first, sample.points.hazard.co_reporter
    assert (first.points, first.emergency_points) == (5, 10)
    assert (other.points, other.emergency_points, other.max_reporters, other.within_hours) == (1, 3, 3, 24)


def _features(kind: str) -> list[dict[str, dict[str, str]]]:
    data = json.loads((SAMPLE / "subdistrict-140302003.geojson").read_text(encoding="utf-8"))
    return [feature for feature in data["features"] if feature["properties"]["kind"] == kind]
