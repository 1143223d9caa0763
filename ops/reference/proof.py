"""Proof that drawings make a grid: counts, nothing crossed, nothing twice, nothing left out, children inside parents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.reference.features import LEVELS, Drawing
from shared.geo.area import square_metres
from shared.reference.files import Fault

TOLERANCE_M2 = 1.0
"""Drawn borders never match to the millimetre, and conversion bends them by as much."""

RESIDENTIAL = "residential"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was counted and measured. `overlap_m2`, `gap_m2` and `outside_m2` are the sums of what the faults name."""

    counts: Mapping[str, int]
    overlays: int
    area_m2: float
    overlap_m2: float
    gap_m2: float
    outside_m2: float
    parts: int
    shift_m: float


def prove(
    name: str, drawings: Sequence[Drawing], expected: Mapping[str, int], faults: list[Fault], *, gaps: bool = False
) -> Proof:
    """Measure, and name every fault. `expected` counts by level. `gaps`: whether holes are meant, such as an enclave."""
    tiles = [one for one in drawings if one.kind == RESIDENTIAL]
    overlaps = [
        found for level in LEVELS for found in _overlaps([one for one in _grid(drawings) if len(one.code) == level])
    ]
    outside = list(_outside(drawings))
    holes = list(_holes(drawings, tiles))
    faults += [
        Fault(name, f"{a.where}.geometry", f"overlaps {b.code} by {m2:.0f} m2 near {_near(ground)}")
        for a, b, ground, m2 in overlaps
    ]
    faults += [
        Fault(name, f"{child.where}.geometry", f"lies outside its parent {parent.code} with {m2:.0f} m2")
        for child, parent, m2 in outside
    ]
    if not gaps:
        faults += [
            Fault(name, f"({code})", f"{m2:.0f} m2 near {_near(ground)} are in no micro-grid")
            for code, ground, m2 in holes
        ]
    counts = _counts(drawings)
    for level, wanted in expected.items():
        if counts[level] != wanted:
            faults.append(Fault(name, level, f"{counts[level]}, expected {wanted}"))
    area = shapely.union_all([one.polygon for one in tiles if one.polygon is not None])
    return Proof(
        counts=counts,
        overlays=sum(one.kind not in (None, RESIDENTIAL) for one in drawings),
        area_m2=square_metres(area),
        overlap_m2=sum(m2 for *_, m2 in overlaps),
        gap_m2=sum(m2 for *_, m2 in holes),
        outside_m2=sum(m2 for *_, m2 in outside),
        parts=len(shapely.get_parts(area)),
        shift_m=max((one.shift_m for one in drawings), default=0.0),
    )


def _grid(drawings: Iterable[Drawing]) -> Iterator[Drawing]:
    """Everything but functional micro-grids, which lie over the others."""
    return (one for one in drawings if one.kind in (None, RESIDENTIAL))


def _counts(drawings: Iterable[Drawing]) -> dict[str, int]:
    """By level; a parent that is not drawn counts by the codes of its micro-grids."""
    codes = {one.code[:length] for one in _grid(drawings) for length in LEVELS if len(one.code) >= length}
    return {level: sum(len(code) == length for code in codes) for length, level in LEVELS.items()}


def _overlaps(level: Sequence[Drawing]) -> Iterator[tuple[Drawing, Drawing, BaseGeometry, float]]:
    polygons = np.array([one.polygon for one in level], dtype=object)  # typed, because a level may be empty
    for a, b in shapely.STRtree(polygons).query(polygons, predicate="intersects").T:
        first, second = level[a], level[b]
        if first.code < second.code:
            assert first.polygon is not None
            ground = first.polygon.intersection(second.polygon)
            m2 = square_metres(ground)
            if m2 > TOLERANCE_M2:
                yield first, second, ground, m2


def _outside(drawings: Sequence[Drawing]) -> Iterator[tuple[Drawing, Drawing, float]]:
    """Children that reach beyond the nearest level above them that is drawn."""
    drawn = {one.code: one for one in drawings}
    for child in _grid(drawings):
        above = [child.code[:length] for length in sorted(LEVELS, reverse=True) if length < len(child.code)]
        parent = next((drawn[code] for code in above if code in drawn), None)
        if parent and parent.polygon is not None and child.polygon is not None:
            m2 = square_metres(child.polygon.difference(parent.polygon))
            if m2 > TOLERANCE_M2:
                yield child, parent, m2


def _holes(drawings: Sequence[Drawing], tiles: Sequence[Drawing]) -> Iterator[tuple[str, BaseGeometry, float]]:
    """Ground of the lowest drawn parents without a micro-grid; where no parent is drawn, holes of a sub-district."""
    everything = shapely.union_all([tile.polygon for tile in tiles])
    parents = [one for one in drawings if len(one.code) < 17 and one.polygon is not None]
    lowest = [
        one for one in parents if not any(other.code.startswith(one.code) and other is not one for other in parents)
    ]
    covered = [one.code for one in lowest]
    areas = [(one.code, one.polygon) for one in lowest if one.polygon is not None]
    for code in sorted({tile.code[:9] for tile in tiles if not tile.code.startswith(tuple(covered))}):
        union = shapely.union_all([tile.polygon for tile in tiles if tile.code.startswith(code)])
        areas.append((code, shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(union)])))
    for code, area in areas:
        for ground in shapely.get_parts(area.difference(everything)):
            m2 = square_metres(ground)
            if m2 > TOLERANCE_M2:
                yield code, ground, m2


def _near(ground: BaseGeometry) -> str:
    point = ground.representative_point()
    return f"{point.x:.6f}, {point.y:.6f}"
