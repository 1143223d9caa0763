"""A made-up sub-district: rectangles split into rows until micro-grids tile one area without gap or overlap.

Everything is computed in whole units, then bent by a polynomial: no libm call, so the same bytes come out everywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random

UNITS = 1_000_000
Coordinate = tuple[float, float]

WEST, SOUTH = 113.568, 37.851
WIDTH_DEG, HEIGHT_DEG = 0.024, 0.018
"""About 2.1 km by 2.0 km around 113.58 E, 37.86 N."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in units, x from west to east and y from south to north."""

    x0: int
    y0: int
    x1: int
    y1: int

    def corners(self) -> list[tuple[int, int]]:
        return [(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)]


def split(box: Box, count: int, random: Random) -> list[Box]:
    """`count` boxes that tile `box`, numbered from west to east and north to south, in rows of about equal length."""
    boxes = []
    rows = max(1, round(count**0.5))
    lengths = [count // rows + (1 if row < count % rows else 0) for row in range(rows)]
    random.shuffle(lengths)
    heights = _cuts(box.y0, box.y1, rows, random)[::-1]
    for length, (top, bottom) in zip(lengths, pairwise(heights), strict=True):
        columns = _cuts(box.x0, box.x1, length, random)
        boxes += [Box(west, bottom, east, top) for west, east in pairwise(columns)]
    return boxes


def _cuts(low: int, high: int, parts: int, random: Random) -> list[int]:
    """Ends and inner borders of `parts` stretches, each border moved by up to 12 % of a stretch."""
    step = (high - low) / parts
    inner = [low + round(step * (i + (random.random() - 0.5) * 0.24)) for i in range(1, parts)]
    return [low, *inner, high]


def rings(boxes: list[Box]) -> Iterator[list[Coordinate]]:
    """The closed ring of each box in degrees, counter-clockwise, with every neighbour's corner on it as a vertex.

    Shared vertices keep the tiling exact after bending and rounding: both sides of an edge get the very same points.
    """
    corners = sorted({corner for box in boxes for corner in box.corners()})
    for box in boxes:
        bottom = [c for c in corners if c[1] == box.y0 and box.x0 <= c[0] < box.x1]
        right = [c for c in corners if c[0] == box.x1 and box.y0 <= c[1] < box.y1]
        top = [c for c in reversed(corners) if c[1] == box.y1 and box.x0 < c[0] <= box.x1]
        left = [c for c in reversed(corners) if c[0] == box.x0 and box.y0 < c[1] <= box.y1]
        ring = [bend(x, y) for x, y in (*bottom, *right, *top, *left)]
        yield [*ring, ring[0]]


def bend(x: int, y: int) -> Coordinate:
    """Units to degrees, 6 decimals (0.1 m): streets that are not quite straight and not quite square."""
    u, v = x / UNITS, y / UNITS
    lng = WEST + WIDTH_DEG * (u + 0.05 * (v - 0.5) + 0.06 * v * (1 - v) * (1 - 2 * u))
    lat = SOUTH + HEIGHT_DEG * (v - 0.04 * (u - 0.5) + 0.08 * u * (1 - u) * (2 * v - 1))
    return round(lng, 6), round(lat, 6)
