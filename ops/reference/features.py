"""A GeoJSON file of an office, at any level of the grid tree and in any of the three coordinate systems, as WGS-84 polygons."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from shared.errors import Invalid
from shared.geo.crs import Crs, Point, distance_m, to_wgs84
from shared.reference.files import Fault
from shared.reference.places import Kind

LEVELS = {9: "subdistricts", 12: "communities", 15: "basic_grids", 17: "micro_grids"}
"""Of a code, by its length."""

DECIMALS = 7
"""A centimetre."""

_WGS84_NAMES = re.compile(r".*(CRS84|EPSG:+4326)$")


@dataclass(frozen=True, slots=True)
class Drawing:
    """One feature, with its names and groups as far as they are told. `where` names it in the file, `polygon` is None for a
    mobile micro-grid. `shift_m`: how far the conversion moved its first corner.
    """

    code: str
    kind: Kind | None
    zh: str
    en: str
    groups: tuple[str, ...]
    polygon: BaseGeometry | None
    where: str
    shift_m: float = 0.0


def read(name: str, raw: bytes, crs: Crs, faults: list[Fault]) -> list[Drawing]:
    """Every feature that can be used; what is wrong with the others are faults."""
    try:
        data = json.loads(raw)
    except ValueError as error:
        faults.append(Fault(name, "", f"is no JSON: {error}"))
        return []
    if (
        not isinstance(data, dict)
        or data.get("type") != "FeatureCollection"
        or not isinstance(data.get("features"), list)
    ):
        faults.append(Fault(name, "", "is no GeoJSON FeatureCollection"))
        return []
    told = _told_crs(data.get("crs"))
    if told is not None and not (_WGS84_NAMES.match(told) and crs == "wgs84"):
        faults.append(Fault(name, "crs", f"says {told}, you said {crs}; only longitude and latitude can be read"))
        return []
    drawn: dict[str, Drawing] = {}
    for number, feature in enumerate(data["features"]):
        drawing = _drawing(name, number, feature, crs, faults)
        if drawing and drawing.code in drawn:
            faults.append(Fault(name, drawing.where, f"code twice, first at {drawn[drawing.code].where}"))
        elif drawing:
            drawn[drawing.code] = drawing
    return list(drawn.values())


def _told_crs(crs: Any) -> str | None:
    """The name in the `crs` member of old GeoJSON."""
    if crs is None:
        return None
    name = crs.get("properties", {}).get("name") if isinstance(crs, dict) else crs
    return str(name)


def _drawing(name: str, number: int, feature: Any, crs: Crs, faults: list[Fault]) -> Drawing | None:
    where = f"features.{number}"
    said = feature.get("properties") if isinstance(feature, dict) else None
    code = str(said.get("code", "")) if isinstance(said, dict) else ""
    if not (code.isascii() and code.isdigit() and len(code) in LEVELS):
        faults.append(Fault(name, f"{where}.properties.code", f"{code!r:.60} is no code of 9, 12, 15 or 17 digits"))
        return None
    assert isinstance(said, dict)
    where = f"{where} ({code})"
    kind = said.get("kind", "residential") if len(code) == 17 else None
    if kind is not None and kind not in get_args(Kind):
        faults.append(Fault(name, f"{where}.properties.kind", f"{kind!r:.40} is none of {', '.join(get_args(Kind))}"))
        return None
    try:
        polygon, shift = _polygon(feature.get("geometry"), crs)
    except (Invalid, ValueError, TypeError, IndexError, shapely.errors.ShapelyError) as error:
        faults.append(Fault(name, f"{where}.geometry", str(error)))
        return None
    if (polygon is None) != (kind == "mobile"):
        reason = "a mobile micro-grid has no polygon, everything else has one"
        faults.append(Fault(name, f"{where}.geometry", reason))
        return None
    if polygon is not None and not polygon.is_valid:
        faults.append(Fault(name, f"{where}.geometry", f"crosses itself: {shapely.is_valid_reason(polygon)}"))
        return None
    groups = said.get("groups")
    return Drawing(
        code=code,
        kind=kind,
        zh=str(said.get("zh") or said.get("name") or ""),
        en=str(said.get("en") or ""),
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        polygon=polygon,
        where=where,
        shift_m=shift,
    )


def _polygon(geometry: Any, crs: Crs) -> tuple[BaseGeometry | None, float]:
    """The polygon in WGS-84 and how far it moved. Raises what `shape` and `to_wgs84` raise."""
    if geometry is None:
        return None, 0.0
    if geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"is a {geometry.get('type')}, not a Polygon or MultiPolygon")
    first = next(_corners(geometry["coordinates"]))
    converted = {"type": geometry["type"], "coordinates": _converted(geometry["coordinates"], crs)}
    polygon = shape(converted)
    if polygon.is_empty:
        raise ValueError("is empty")
    return polygon, distance_m(first, to_wgs84(*first, crs))


def _converted(coordinates: Any, crs: Crs) -> Any:
    """The same nesting with every position in WGS-84; a height is left out."""
    if isinstance(coordinates[0], int | float):
        lng, lat = to_wgs84(float(coordinates[0]), float(coordinates[1]), crs)
        return round(lng, DECIMALS), round(lat, DECIMALS)
    return [_converted(inner, crs) for inner in coordinates]


def _corners(coordinates: Any) -> Iterator[Point]:
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for inner in coordinates:
        yield from _corners(inner)
