"""Write the SYNTHETIC sample sub-district: `python -m ops.reference.beidajie [directory]`.

The counts are Beidajie's published ones (9 communities, 50 basic grids, 321 micro-grids), everything else is invented:
the real polygons are not public. The seed is fixed, so a second run writes the same bytes.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from ops.reference import beidajie_life as life
from ops.reference.beidajie_roster import roster
from ops.reference.tiling import UNITS, Box, Coordinate, bend, rings, split
from shared.reference.departments import DepartmentsFile
from shared.reference.files import Fault, ReferenceInvalid, parse

SUBDISTRICT = "140302003"
SEED = 20220808
BASIC_GRIDS = (6, 5, 6, 5, 6, 5, 6, 5, 6)
MICRO_GRIDS = 321
DIRECTORY = Path(__file__).parents[2] / "deploy" / "reference" / "beidajie"

LABEL = (
    "SYNTHETIC sample, written by ops.reference.beidajie: the counts are Beidajie's, every name and line is invented."
)

# Functional micro-grids over the residential ones: kind, name, English name and the box in units.
OVERLAYS = (
    ("business", "示例中央商圈", "Sample central business district", Box(400_000, 420_000, 640_000, 600_000)),
    ("business", "示例南门商圈", "Sample south gate business district", Box(120_000, 40_000, 300_000, 170_000)),
    ("integrated", "示例综合服务片区", "Sample integrated area", Box(680_000, 700_000, 930_000, 920_000)),
)

Tile = life.Tile


def main(directory: Path = DIRECTORY) -> None:
    """Write the files of the sample sub-district, and the roster beside them, into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (directory / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """What is written, by name. Raises `ReferenceInvalid` if the hand-written departments cannot be read."""
    tiles = list(tile(Random(SEED)))  # noqa: S311 - a repeatable map, not a secret
    people = Random(SEED)  # noqa: S311 - its own, so that people and map do not move each other
    return {
        f"subdistrict-{SUBDISTRICT}.yaml": tree([code for code, _ in tiles]),
        f"subdistrict-{SUBDISTRICT}.geojson": geojson(tiles),
        "homes.yaml": life.homes(LABEL, tiles),
        "prizes.yaml": life.prizes(LABEL, tiles),
        "squads.yaml": life.squads(LABEL, tiles, SUBDISTRICT),
        "roster.csv": roster(life.communities(tiles), _departments().departments, people),
    }


def _departments() -> DepartmentsFile:
    faults: list[Fault] = []
    file = parse("departments.yaml", (DIRECTORY / "departments.yaml").read_bytes(), DepartmentsFile, faults)
    if file is None:
        raise ReferenceInvalid(faults)
    return file


def tile(random: Random) -> Iterator[Tile]:
    """Every micro-grid with its code, in code order: 21 basic grids of seven micro-grids and 29 of six."""
    basic_grids = sum(BASIC_GRIDS)
    larger = set(random.sample(range(basic_grids), MICRO_GRIDS - 6 * basic_grids))
    seen = 0
    for c, community in enumerate(split(Box(0, 0, UNITS, UNITS), len(BASIC_GRIDS), random)):
        for b, basic_grid in enumerate(split(community, BASIC_GRIDS[c], random), start=1):
            for m, box in enumerate(split(basic_grid, 7 if seen in larger else 6, random), start=1):
                yield f"{SUBDISTRICT}{c + 1:03d}{b:03d}{m:02d}", box
            seen += 1


def tree(codes: list[str]) -> str:
    """The sub-district file: names and groups of every level above the micro-grids."""
    lines = [f"# {LABEL}", "synthetic: true", f'code: "{SUBDISTRICT}"', "zh: 北大街街道（合成示例）"]
    lines += [
        "en: Beidajie sub-district (synthetic sample)",
        "zone: Asia/Shanghai",
        "centre: {lng: 113.58, lat: 37.86}",
    ]
    lines.append("communities:")
    for community in sorted({code[:12] for code in codes}):
        number = int(community[9:])
        lines.append(f'  - code: "{community}"')
        lines.append(f"    zh: 示例{life.NUMERALS[number - 1]}社区")
        lines.append(f"    en: Sample community {number}")
        lines.append(f'    groups: ["community-{community}", "officers-{community}"]')
        lines.append("    basic_grids:")
        for basic_grid in sorted({code[:15] for code in codes if code.startswith(community)}):
            zh, en = f"第{int(basic_grid[12:])}网格", f"Grid {int(basic_grid[12:])}"
            lines.append(f'      - {{code: "{basic_grid}", zh: {zh}, en: {en}}}')
    return "\n".join(lines) + "\n"


def geojson(tiles: list[Tile]) -> str:
    """One feature a line, so that a changed border is a changed line."""
    boxes = [box for _, box in tiles]
    features = [_micro_grid(code, ring) for (code, _), ring in zip(tiles, rings(boxes), strict=True)]
    features += _functional()
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","comment":"{LABEL}","features":[\n{lines}\n]}}\n'


def _micro_grid(code: str, ring: list[Coordinate]) -> dict[str, Any]:
    number = int(code[15:])
    names = {"zh": f"第{number}微网格", "en": f"Micro-grid {number}", "groups": [f"unit-{code}"]}
    return _feature({"code": code, "kind": "residential", **names}, ring)


def _functional() -> Iterator[dict[str, Any]]:
    """Overlays belong to the whole sub-district: community and basic grid are zeros in their codes, serials from 91."""
    for serial, (kind, zh, en, box) in enumerate(OVERLAYS, start=91):
        code = f"{SUBDISTRICT}000000{serial}"
        ring = [bend(x, y) for x, y in (*box.corners(), (box.x0, box.y0))]
        yield _feature({"code": code, "kind": kind, "zh": zh, "en": en, "groups": [f"unit-{code}"]}, ring)
    code = f"{SUBDISTRICT}00000099"
    names = {"zh": "骑手流动微网格（示例）", "en": "Riders' mobile micro-grid (sample)", "groups": [f"unit-{code}"]}
    yield _feature({"code": code, "kind": "mobile", **names}, None)


def _feature(properties: dict[str, Any], ring: list[Coordinate] | None) -> dict[str, Any]:
    geometry = None if ring is None else {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
