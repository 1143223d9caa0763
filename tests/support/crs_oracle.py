"""A second opinion on GCJ-02 and BD-09, written from the description of the shift and not from our code.

The shift in metres as tables of polynomial and sine terms, turned into degrees by the textbook radii of the ellipsoid
(meridian and prime vertical). The way back is a search that only asks the way there, instead of our iteration.
"""

import math
from collections.abc import Callable

Point = tuple[float, float]

AXIS, ECCENTRICITY2 = 6378245.0, 0.00669342162296594323
ORIGIN = (105.0, 35.0)

# (factor, power of x, power of y), metres
NORTH = [(-100.0, 0, 0), (2.0, 1, 0), (3.0, 0, 1), (0.2, 0, 2), (0.1, 1, 1)]
EAST = [(300.0, 0, 0), (1.0, 1, 0), (2.0, 0, 1), (0.1, 2, 0), (0.1, 1, 1)]
# (metres, half waves a degree); x-waves serve both directions
COMMON_X = [(20.0, 6.0), (20.0, 2.0)]
NORTH_Y = [(20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30)]
EAST_X = [(20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30)]


def gcj02(point: Point) -> Point:
    """WGS-84 to GCJ-02 inside China."""
    x, y = point[0] - ORIGIN[0], point[1] - ORIGIN[1]
    root = math.sqrt(abs(x))
    waves = _waves(COMMON_X, x)
    north = _polynomial(NORTH, x, y) + 0.2 * root + (waves + _waves(NORTH_Y, y)) * 2 / 3
    east = _polynomial(EAST, x, y) + 0.1 * root + (waves + _waves(EAST_X, x)) * 2 / 3
    sine2 = math.sin(math.radians(point[1])) ** 2
    meridian = AXIS * (1 - ECCENTRICITY2) / (1 - ECCENTRICITY2 * sine2) ** 1.5
    parallel = AXIS / (1 - ECCENTRICITY2 * sine2) ** 0.5 * math.cos(math.radians(point[1]))
    return point[0] + math.degrees(east / parallel), point[1] + math.degrees(north / meridian)


def bd09(point: Point) -> Point:
    """GCJ-02 to BD-09: polar coordinates about 0, 0, wobbled and moved."""
    wobble = math.pi * 3000 / 180
    z = complex(*point)
    length = abs(z) + 2e-5 * math.sin(point[1] * wobble)
    turned = math.atan2(z.imag, z.real) + 3e-6 * math.cos(point[0] * wobble)
    w = length * complex(math.cos(turned), math.sin(turned)) + complex(0.0065, 0.006)
    return w.real, w.imag


def back(there: Callable[[Point], Point], target: Point) -> Point:
    """The point that `there` brings to `target`: a cross of steps that are halved when none of them gets nearer."""
    best, step = target, 0.01
    while step > 1e-10:
        around = [best, *((best[0] + dx * step, best[1] + dy * step) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)))]
        nearest = min(around, key=lambda p: math.dist(there(p), target))
        step, best = (step / 2, best) if nearest == best else (step, nearest)
    return best


def _polynomial(terms: list[tuple[float, int, int]], x: float, y: float) -> float:
    return sum(factor * x**i * y**j for factor, i, j in terms)


def _waves(terms: list[tuple[float, float]], at: float) -> float:
    return sum(metres * math.sin(half_waves * math.pi * at) for metres, half_waves in terms)
