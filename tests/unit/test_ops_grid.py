"""Drawn grids: proof of what is right, and every fault of a broken drawing by name, place and size."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.main import app
from ops.reference.beidajie import DIRECTORY
from shared.geo.crs import distance_m, to_bd09, to_gcj02
from shared.reference import load
from shared.reference.files import read, version
from tests.support.reference import HILLSIDE, copy_of_sample

SUBDISTRICT = "140302003"
STEP = 0.001
"""Degrees: a tile of 111 m by 88 m at Beidajie."""

HOLE_M2 = 0.04 * 111.195**2 * math.cos(math.radians(37.8605))
"""A fifth by a fifth of a tile."""

WEST, SOUTH = 113.60, 37.86
Ring = list[list[float]]
Features = list[dict[str, Any]]


def ring(x0: float, y0: float, x1: float, y1: float) -> Ring:
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return [[round(WEST + x * STEP, 9), round(SOUTH + y * STEP, 9)] for x, y in corners]


def feature(code: str, shape: Ring | None, **more: Any) -> dict[str, Any]:
    geometry = None if shape is None else {"type": "Polygon", "coordinates": [shape]}
    return {"type": "Feature", "properties": {"code": code, **more}, "geometry": geometry}


COMMUNITY, GRID = "140302077001", "140302077001001"


def tiles() -> Features:
    """Two by two micro-grids in one basic grid in one community, all drawn."""
    return [
        feature(COMMUNITY, ring(0, 0, 2, 2), name="测试社区"),
        feature(GRID, ring(0, 0, 2, 2)),
        feature(f"{GRID}01", ring(0, 1, 1, 2)),
        feature(f"{GRID}02", ring(1, 1, 2, 2)),
        feature(f"{GRID}03", ring(0, 0, 1, 1)),
        feature(f"{GRID}04", ring(1, 0, 2, 1)),
        feature("14030207700000099", None, kind="mobile"),
    ]


def drawn(path: Path, features: Features, **more: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}), encoding="utf-8")
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return copy_of_sample(tmp_path)


def run(file: Path, into: Path, *options: str, crs: str = "wgs84") -> tuple[int, Any]:
    arguments = ["reference", "import-grid", str(file), "--crs", crs, "--into", str(into), "-o", "json", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout) if result.stdout.startswith("{") else result.output


def wrong(file: Path, into: Path, *options: str, crs: str = "wgs84") -> list[tuple[str, str]]:
    """Faults as (where, reason); nothing may have been written."""
    before = version(read(into))
    status, told = run(file, into, *options, crs=crs)
    assert status == 1, told
    assert version(read(into)) == before
    return [(fault["where"], fault["reason"]) for fault in told["faults"]]


def test_a_right_drawing_comes_in_with_its_proof(directory: Path, tmp_path: Path) -> None:
    status, told = run(drawn(tmp_path / "g.geojson", tiles()), directory, "--expect", "1/1/1/4")
    assert (status, told["written"], told["remaining"]) == (0, True, [])
    proof = told["proof"]
    assert proof["counts"] == {"subdistricts": 1, "communities": 1, "basic_grids": 1, "micro_grids": 4}
    assert (proof["overlap_m2"], proof["gap_m2"], proof["outside_m2"], proof["shift_m"]) == (0, 0, 0, 0)
    assert (proof["overlays"], proof["parts"]) == (1, 1)
    assert proof["area_m2"] == pytest.approx(4 * 111.2 * 87.8, rel=0.01)
    reference = load(directory)
    assert sorted(reference.subdistricts) == ["140302003", "140302077"]
    place = reference.grid.locate(WEST + 0.5 * STEP, SOUTH + 0.5 * STEP)
    assert place is not None
    assert place.micro_grid == f"{GRID}03"
    assert reference.places[COMMUNITY].zh == "测试社区"
    assert reference.groups[f"unit-{GRID}03"].above == f"officers-{COMMUNITY}"


def test_the_samples_own_grid_comes_in_as_it_is(directory: Path) -> None:
    """Exactly the published counts, and the names of the tree stay."""
    before = load(directory)
    status, told = run(DIRECTORY / f"subdistrict-{SUBDISTRICT}.geojson", directory, "--expect", "1/9/50/321")
    assert (status, told["remaining"]) == (0, [])
    assert (told["proof"]["overlap_m2"], told["proof"]["gap_m2"], told["proof"]["overlays"]) == (0, 0, 4)
    after = load(directory)
    assert after.places == before.places
    assert after.subdistricts == before.subdistricts
    assert all(polygon.equals(after.grid.polygons[code]) for code, polygon in before.grid.polygons.items())


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_another_coordinate_system_is_converted(directory: Path, tmp_path: Path, crs: str) -> None:
    forward = {"gcj02": to_gcj02, "bd09": to_bd09}[crs]
    shifted = tiles()
    for one in shifted:
        if one["geometry"]:
            outer = one["geometry"]["coordinates"][0]
            one["geometry"]["coordinates"] = [[list(forward(lng, lat)) for lng, lat in outer]]
    status, told = run(drawn(tmp_path / "g.geojson", shifted), directory, crs=crs)
    assert (status, told["remaining"]) == (0, [])
    assert 400 < told["proof"]["shift_m"] < 2000
    corner = load(directory).grid.polygons[f"{GRID}03"].exterior.coords[0]
    assert distance_m(corner, (WEST, SOUTH)) < 0.05
    # Taken for WGS-84 it would lie somewhere else, and nothing in the file could tell.
    run(drawn(tmp_path / "g.geojson", shifted), directory, crs="wgs84")
    corner = load(directory).grid.polygons[f"{GRID}03"].exterior.coords[0]
    assert distance_m(corner, (WEST, SOUTH)) > 400


def test_a_deliberately_broken_drawing_names_each_fault(directory: Path, tmp_path: Path) -> None:
    features = tiles()
    features[1]["geometry"]["coordinates"] = [ring(0, 0, 2, 2.2)]  # the basic grid reaches beyond its community
    features[2]["geometry"]["coordinates"] = [ring(0, 1, 1.5, 2)]  # half over its neighbour in the east
    features[4]["geometry"]["coordinates"] = [ring(-0.5, 0, 1, 1)]  # beyond its basic grid
    features[5]["geometry"]["coordinates"] = [[*ring(1, 0, 2, 1)[:2], *ring(1, 0, 2, 1)[3:1:-1], ring(1, 0, 2, 1)[0]]]
    features += [
        feature(f"{GRID}02", ring(5, 5, 6, 6)),
        feature("14030207700100", ring(7, 7, 8, 8)),
        feature(f"{GRID}05", ring(7, 7, 8, 8), kind="buisness"),
        feature(f"{GRID}06", [[37.86, 113.60], [37.86, 113.61], [37.87, 113.61], [37.86, 113.60]]),
        feature(f"{GRID}07", None),
        {
            "type": "Feature",
            "properties": {"code": f"{GRID}08"},
            "geometry": {"type": "Point", "coordinates": [113, 37]},
        },
        {"type": "Feature", "properties": None, "geometry": None},
        feature(
            f"{GRID}09", [[514000.0, 4190000.0], [514100.0, 4190000.0], [514100.0, 4190100.0], [514000.0, 4190000.0]]
        ),
    ]
    found = wrong(drawn(tmp_path / "g.geojson", features), directory, "--expect", "1/1/2/4")
    tile = 111.195 * 111.195 * 0.7896  # m2 of a whole one
    half, fifth = round(tile / 2), round(tile * 0.4)

    def says(where: str, *reasons: str) -> bool:
        return any(place == where and all(reason in why for reason in reasons) for place, why in found)

    assert says(f"features.1 ({GRID}).geometry", f"outside its parent {COMMUNITY} with {fifth}"), found
    assert says(f"features.2 ({GRID}01).geometry", f"overlaps {GRID}02 by {half} m2 near 113.60"), found
    assert says(f"features.4 ({GRID}03).geometry", f"outside its parent {GRID} with {half} m2"), found
    assert says(f"features.5 ({GRID}04).geometry", "crosses itself", "Self-intersection")
    assert says(f"({GRID})", "m2 near", "in no micro-grid")  # where 04 should be, and the strip in the north
    assert says(f"features.7 ({GRID}02)", f"code twice, first at features.3 ({GRID}02)")
    assert says("features.8.properties.code", "'14030207700100' is no code")
    assert says(f"features.9 ({GRID}05).properties.kind", "'buisness'")
    assert says(f"features.10 ({GRID}06).geometry", "latitude")
    assert says(f"features.11 ({GRID}07).geometry", "polygon")
    assert says(f"features.12 ({GRID}08).geometry", "is a Point")
    assert says("features.13.properties.code", "is no code")
    assert says(f"features.14 ({GRID}09).geometry", "longitude")
    assert says("basic_grids", "1, expected 2")


def test_a_hole_between_tiles_is_measured_where_no_parent_is_drawn(directory: Path, tmp_path: Path) -> None:
    hole = ring(0.4, 0.4, 0.6, 0.6)
    features = [one for one in tiles() if len(one["properties"]["code"]) == 17]
    features[2]["geometry"]["coordinates"].append(hole)
    file = drawn(tmp_path / "g.geojson", features)
    ((where, reason),) = wrong(file, directory)
    assert where == "(140302077)"
    assert reason == f"{HOLE_M2:.0f} m2 near 113.600500, 37.860500 are in no micro-grid"
    status, told = run(file, directory, "--allow-gaps")
    assert status == 0
    assert told["proof"]["gap_m2"] == pytest.approx(HOLE_M2, abs=1)


def test_a_hairline_of_rounding_is_no_fault(directory: Path, tmp_path: Path) -> None:
    features = tiles()
    features[2]["geometry"]["coordinates"] = [ring(0, 1, 1.000005, 2)]
    assert run(drawn(tmp_path / "g.geojson", features), directory)[0] == 0


def test_the_wrong_counts_are_a_fault(directory: Path, tmp_path: Path) -> None:
    found = wrong(drawn(tmp_path / "g.geojson", tiles()), directory, "--expect", "1/9/50/321")
    assert found == [
        ("basic_grids", "1, expected 50"), ("communities", "1, expected 9"), ("micro_grids", "4, expected 321"),
    ]  # fmt: skip


def test_a_grid_on_top_of_another_sub_district_is_refused(directory: Path, tmp_path: Path) -> None:
    text = json.dumps(tiles()).replace("113.6", "113.58")
    assert any(
        "overlaps 140302077" in why for _, why in wrong(drawn(tmp_path / "g.geojson", json.loads(text)), directory)
    )


def test_a_basic_grid_of_the_tree_that_is_not_drawn_is_named(directory: Path, tmp_path: Path) -> None:
    text = (HILLSIDE / "subdistrict-650102007.geojson").read_text(encoding="utf-8")
    for file in HILLSIDE.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    data = json.loads(text)
    data["features"] = [one for one in data["features"] if not one["properties"]["code"].startswith("650102007012")]
    found = wrong(drawn(tmp_path / "g.geojson", data["features"]), directory)
    assert ("(650102007012001)", "is in the tree, but no micro-grid of it is drawn") in found


def test_what_is_no_geojson_or_says_another_system(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "g.geojson"
    file.write_text("{")
    assert wrong(file, directory)[0][1].startswith("is no JSON")
    file.write_text('{"type": "Feature"}')
    assert wrong(file, directory) == [("", "is no GeoJSON FeatureCollection")]
    told = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}
    ((where, reason),) = wrong(drawn(file, tiles(), crs=told), directory)
    assert where == "crs"
    assert "EPSG::4549" in reason
    told["properties"] = {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}
    assert wrong(drawn(file, tiles(), crs=told), directory, crs="gcj02")[0][0] == "crs"
    assert run(drawn(file, tiles(), crs=told), directory)[0] == 0


def test_the_system_is_never_guessed(directory: Path, tmp_path: Path) -> None:
    file = drawn(tmp_path / "g.geojson", tiles())
    assert run(file, directory, crs="epsg:4326")[0] == 2
    result = CliRunner().invoke(app, ["reference", "import-grid", str(file), "--into", str(directory)])
    assert result.exit_code == 2
    assert "--crs" in result.output


def test_a_dry_run_writes_nothing(directory: Path, tmp_path: Path) -> None:
    before = version(read(directory))
    assert run(drawn(tmp_path / "g.geojson", tiles()), directory, "--dry-run")[0] == 0
    assert version(read(directory)) == before


def test_an_empty_directory_can_begin_with_a_grid(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    status, told = run(drawn(tmp_path / "g.geojson", tiles()), tmp_path / "new")
    assert status == 0
    assert {line.split(":")[0] for line in told["remaining"]} == {
        "categories.yaml", "departments.yaml", "points.yaml", "routing.yaml",
    }  # fmt: skip
