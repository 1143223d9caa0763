"""How much ground a polygon covers."""

import math

from shapely.geometry.base import BaseGeometry

from shared.geo.grid import METRES_PER_DEGREE


def square_metres(geometry: BaseGeometry) -> float:
    """Square metres of a geometry in WGS-84 degrees, on the sphere that `crs.distance_m` uses; good for some kilometres."""
    if geometry.is_empty:
        return 0.0
    return float(geometry.area) * METRES_PER_DEGREE**2 * math.cos(math.radians(geometry.centroid.y))
