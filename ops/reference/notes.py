"""What is not wrong with a reference directory, but what its office should know."""

from collections.abc import Iterator
from datetime import date

import shapely

from shared.geo.area import square_metres
from shared.reference.files import Named
from shared.reference.places import Place
from shared.reference.reference import Reference

_HOLE_M2 = 1.0


def notes(reference: Reference, today: date) -> list[str]:
    """One line each, Chinese first. `today` decides which calendar should be there."""
    return [
        *_synthetic(reference),
        *_holes(reference),
        *_calendar(reference, today),
        *_homes(reference),
        *_untranslated(reference),
    ]


def _synthetic(reference: Reference) -> Iterator[str]:
    for subdistrict in reference.subdistricts.values():
        if subdistrict.synthetic:
            yield f"{subdistrict.code}: 合成示例数据 SYNTHETIC sample data, not a real place"


def _holes(reference: Reference) -> Iterator[str]:
    """Ground inside a sub-district that belongs to no micro-grid of it: a report from there needs a person."""
    drawn = reference.grid.polygons
    tiles = {code: it for code, it in drawn.items() if reference.places[code].kind == "residential"}
    everything = shapely.union_all(list(tiles.values()))
    for subdistrict in reference.subdistricts:
        area = shapely.union_all([it for code, it in tiles.items() if code.startswith(subdistrict)])
        rings = [ring for part in shapely.get_parts(area) for ring in part.interiors]
        for ring in rings:
            m2 = square_metres(shapely.Polygon(ring).difference(everything))
            if m2 > _HOLE_M2:
                where = shapely.Polygon(ring).centroid
                yield f"{subdistrict}: {m2:.0f} m2 不属于任何微网格 of no micro-grid near {where.x:.6f}, {where.y:.6f}"


def _calendar(reference: Reference, today: date) -> Iterator[str]:
    if not reference.calendar.confirms(today):
        yield f"calendar-{today.year}.yaml: 无 {today} 的日历 does not cover today: deadlines are marked unconfirmed"


def _homes(reference: Reference) -> Iterator[str]:
    for home in reference.homes.values():
        if home.missing:
            yield f"{home.code}: 缺 lacks {', '.join(home.missing)}"
    housed = {home.community for home in reference.homes.values()}
    bare = [code for code in reference.places if len(code) == 12 and code not in housed]
    if bare:
        yield f"无微网格员之家的社区 communities without a home: {', '.join(bare)}"


def _untranslated(reference: Reference) -> Iterator[str]:
    named: list[Named | Place] = [
        *reference.categories.values(),
        *(condition for category in reference.categories.values() for condition in category.conditions),
        *reference.departments.values(),
        *reference.places.values(),
    ]
    many = sum(item.zh == item.en for item in named)
    if many:
        yield f"{many} 个名称尚无英文 names without an English one"
