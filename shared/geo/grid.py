"""Which micro-grid a point lies in: an index over the polygons, the same answer for the same point every time."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

OverlayKind = Literal["business", "integrated"]

# 1e-7 degree is about 1 cm: less than any fix can tell, more than the rounding of a point that lies on an edge, and it
# closes the hairline gaps of drawn maps.
EDGE_DEG = 1e-7

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on the sphere that `crs.distance_m` uses."""


@dataclass(frozen=True, slots=True)
class GridPath:
    """The way down the grid tree, each level as its full code: 9, 12, 15 and 17 digits."""

    subdistrict: str
    community: str
    basic_grid: str
    micro_grid: str

    @classmethod
    def of(cls, micro_grid: str) -> "GridPath":
        """The path of a 17-digit micro-grid code: sub-district 9, community 3, basic grid 3, micro-grid 2 digits."""
        return cls(micro_grid[:9], micro_grid[:12], micro_grid[:15], micro_grid)

    @property
    def label(self) -> str:
        """What people say and signs show: `003-05-02`."""
        return f"{self.micro_grid[9:12]}-{int(self.micro_grid[12:15]):02d}-{self.micro_grid[15:]}"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A functional micro-grid that lies over the residential ones (a mobile one has no polygon, so it is none)."""

    code: str
    kind: OverlayKind


class GridIndex:
    """Point lookup over micro-grid polygons in WGS-84. Immutable once built; some 30 microseconds among 321."""

    def __init__(
        self,
        micro_grids: Iterable[tuple[str, BaseGeometry]],
        overlays: Iterable[tuple[Overlay, BaseGeometry]] = (),
    ) -> None:
        # Sorted by code, so the lowest position among the hits is the smallest code, whatever order the file had.
        tiles = sorted(micro_grids, key=lambda item: item[0])
        self._paths = [GridPath.of(code) for code, _ in tiles]
        self._tree = shapely.STRtree([polygon for _, polygon in tiles])
        over = sorted(overlays, key=lambda item: item[0].code)
        self._overlays = [overlay for overlay, _ in over]
        self._overlay_tree = shapely.STRtree([polygon for _, polygon in over])

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def polygons(self) -> Mapping[str, BaseGeometry]:
        """What is drawn, micro-grids and overlays, by code; WGS-84."""
        codes = [*(path.micro_grid for path in self._paths), *(overlay.code for overlay in self._overlays)]
        return dict(zip(codes, [*self._tree.geometries, *self._overlay_tree.geometries], strict=True))

    def locate(self, lng: float, lat: float) -> GridPath | None:
        """The micro-grid of a WGS-84 point; on a shared edge (within 1 cm) the smaller code; None outside every one."""
        hits = _at(self._tree, lng, lat)
        return self._paths[hits[0]] if hits else None

    def near(self, lng: float, lat: float, radius_m: float) -> tuple[GridPath, ...]:
        """Every micro-grid within `radius_m` of a WGS-84 point, by code: the candidates for an uncertain place."""
        circle = _circle(lng, lat, radius_m)
        return tuple(self._paths[i] for i in sorted(self._tree.query(circle, predicate="intersects")))

    def overlays(self, lng: float, lat: float) -> tuple[Overlay, ...]:
        """The functional micro-grids over a WGS-84 point, by code; they never change what `locate` answers."""
        return tuple(self._overlays[i] for i in _at(self._overlay_tree, lng, lat))


def _at(tree: shapely.STRtree, lng: float, lat: float) -> list[int]:
    """Positions of the polygons at a point, ascending; none for what is no point."""
    if not (math.isfinite(lng) and math.isfinite(lat)):
        return []
    return sorted(tree.query(shapely.Point(lng, lat), predicate="dwithin", distance=EDGE_DEG))


def _circle(lng: float, lat: float, radius_m: float) -> BaseGeometry:
    """A circle on the ground, drawn in degrees; good for radii up to some kilometres."""
    degrees = shapely.Point(0, 0).buffer(radius_m / METRES_PER_DEGREE)
    return affinity.translate(affinity.scale(degrees, 1 / math.cos(math.radians(lat)), 1.0), lng, lat)
