"""The three coordinate systems phones in China send, and the one everything here works in: WGS-84.

GCJ-02 (maps of Amap, Tencent, Apple) shifts a point by 300-700 m, BD-09 (Baidu) by about as much again; neither formula
is published officially, the constants below are the ones the whole field uses (eviltransform, coordtransform).
Points are `(lng, lat)` in degrees, in this order everywhere, as in GeoJSON.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

from shared.errors import Invalid

Crs = Literal["wgs84", "gcj02", "bd09"]
Point = tuple[float, float]

CRS: tuple[Crs, ...] = get_args(Crs)
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the WGS-84 ellipsoid (IUGG)."""

# Krasovsky 1940, on which GCJ-02 is built: semi-major axis in metres and first eccentricity squared.
_A = 6378245.0
_EE = 0.00669342162296594323
_BD_STEP = math.pi * 3000.0 / 180.0

# 1e-9 degree is 0.1 mm; the inverse gains about two digits a round, so ten rounds are never reached.
_PRECISE_ENOUGH = 1e-9
_ROUNDS = 10


def to_wgs84(lng: float, lat: float, crs: str | None) -> Point:
    """The WGS-84 point of a point given in `crs`; exact to well under a metre.

    Raises `Invalid` on `place.crs` for a missing or unknown `crs`, on `place.lng` / `place.lat` for a number that is no
    coordinate: a guess would land some 565 m away, in another micro-grid.
    """
    known = checked_crs(crs)
    point = checked_point(lng, lat)
    if known == "bd09":
        point = _inverse(_gcj02_to_bd09, point)
    return point if known == "wgs84" or outside_china(*point) else _inverse(_shift, point)


def to_gcj02(lng: float, lat: float) -> Point:
    """The GCJ-02 point of a WGS-84 point; the same point outside China."""
    point = checked_point(lng, lat)
    return point if outside_china(*point) else _shift(point)


def to_bd09(lng: float, lat: float) -> Point:
    """The BD-09 point of a WGS-84 point."""
    return _gcj02_to_bd09(to_gcj02(lng, lat))


def outside_china(lng: float, lat: float) -> bool:
    """The field's test, a rectangle: a finer border would differ from what the libraries in apps have shifted."""
    return not (72.004 <= lng <= 137.8347 and 0.8293 <= lat <= 55.8271)


def checked_crs(crs: str | None) -> Crs:
    """`crs` if it is one of the three. Raises `Invalid` on `place.crs`."""
    if crs in CRS:
        return crs
    reason = "missing" if crs is None else f"unknown: {crs!r:.40}"
    raise Invalid.field("place.crs", f"{reason}; say which of {', '.join(CRS)} the coordinates are in")


def checked_point(lng: float, lat: float) -> Point:
    """The pair if it can be a place on earth (NaN and swapped values beyond 90 are not). Raises `Invalid`."""
    if not -180.0 <= lng <= 180.0:
        raise Invalid.field("place.lng", "must be a longitude between -180 and 180 degrees")
    if not -90.0 <= lat <= 90.0:
        raise Invalid.field("place.lat", "must be a latitude between -90 and 90 degrees")
    return lng, lat


def distance_m(a: Point, b: Point) -> float:
    """Metres along the sphere between two WGS-84 points (haversine; within 0.5 % of the ellipsoid)."""
    lat_a, lat_b = math.radians(a[1]), math.radians(b[1])
    half_lat = math.sin((lat_b - lat_a) / 2)
    half_lng = math.sin(math.radians(b[0] - a[0]) / 2)
    h = half_lat**2 + math.cos(lat_a) * math.cos(lat_b) * half_lng**2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def _inverse(forward: Callable[[Point], Point], target: Point) -> Point:
    """The point that `forward` moves onto `target`, by iteration: the shift changes slowly with the place."""
    lng, lat = target
    for _ in range(_ROUNDS):
        got = forward((lng, lat))
        d_lng, d_lat = target[0] - got[0], target[1] - got[1]
        lng, lat = lng + d_lng, lat + d_lat
        if abs(d_lng) < _PRECISE_ENOUGH and abs(d_lat) < _PRECISE_ENOUGH:
            break
    return lng, lat


def _shift(point: Point) -> Point:
    """WGS-84 to GCJ-02, wherever the point is."""
    lng, lat = point
    x, y = lng - 105.0, lat - 35.0
    common = 20 * math.sin(6 * math.pi * x) + 20 * math.sin(2 * math.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += (common + _waves(y, 20, 40) + 160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y / 30 * math.pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += (common + _waves(x, 20, 40) + 150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    flat = 1 - _EE * math.sin(math.radians(lat)) ** 2
    metres_per_rad_lat = _A * (1 - _EE) / (flat * math.sqrt(flat))
    metres_per_rad_lng = _A / math.sqrt(flat) * math.cos(math.radians(lat))
    return lng + math.degrees(east / metres_per_rad_lng), lat + math.degrees(north / metres_per_rad_lat)


def _waves(value: float, short: float, long: float) -> float:
    return short * math.sin(math.pi * value) + long * math.sin(math.pi * value / 3)


def _gcj02_to_bd09(point: Point) -> Point:
    lng, lat = point
    radius = math.hypot(lng, lat) + 0.00002 * math.sin(lat * _BD_STEP)
    angle = math.atan2(lat, lng) + 0.000003 * math.cos(lng * _BD_STEP)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006
