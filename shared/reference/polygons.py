"""From GeoJSON to the grid index: valid polygons that tile, overlaps refused."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from shared.geo.area import square_metres
from shared.geo.grid import GridIndex, Overlay
from shared.reference.files import Fault
from shared.reference.places import Feature, MicroGridsFile, SubDistrict

OVERLAP_M2 = 1.0
"""Drawn borders never match to the millimetre; more than a square metre in two micro-grids is a drawing fault."""

Drawn = tuple[str, Feature, BaseGeometry]
"""File name, feature, polygon."""


def draw(name: str, subdistrict: SubDistrict, file: MicroGridsFile, faults: list[Fault]) -> list[Drawn]:
    """The polygons of one sub-district; a crossed or empty one is a fault and left out."""
    drawn: list[Drawn] = []
    for feature in file.features:
        if feature.geometry is None:
            continue
        where = f"features ({feature.properties.code}).geometry"
        try:
            polygon = shape({"type": feature.geometry.type, "coordinates": feature.geometry.coordinates})
        except (shapely.errors.GEOSException, ValueError) as error:
            faults.append(Fault(name, where, str(error)))
            continue
        if not polygon.is_valid or polygon.is_empty:
            faults.append(Fault(name, where, shapely.is_valid_reason(polygon)))
            continue
        drawn.append((name, feature, polygon))
    _check_centre(name, subdistrict, drawn, faults)
    return drawn


def index(drawn: Sequence[Drawn], faults: list[Fault]) -> GridIndex:
    """One index over every sub-district; residential micro-grids that overlap are faults."""
    tiles = [item for item in drawn if item[1].properties.kind == "residential"]
    _check_overlaps(tiles, faults)
    overlays = []
    for _, feature, polygon in drawn:
        kind = feature.properties.kind
        if kind == "business" or kind == "integrated":
            overlays.append((Overlay(feature.properties.code, kind), polygon))
    return GridIndex([(feature.properties.code, polygon) for _, feature, polygon in tiles], overlays)


def _check_centre(name: str, subdistrict: SubDistrict, drawn: Sequence[Drawn], faults: list[Fault]) -> None:
    """A centre away from the polygons means that one of the two is swapped or belongs to another place."""
    if not drawn:
        return
    west, south, east, north = shapely.total_bounds([polygon for _, _, polygon in drawn])
    centre = subdistrict.centre
    if not (west <= centre.lng <= east and south <= centre.lat <= north):
        reason = f"{centre.lng}, {centre.lat} is not in the area of {name} ({west}-{east}, {south}-{north})"
        faults.append(Fault(name.replace(".geojson", ".yaml"), "centre", reason))


def _check_overlaps(tiles: Sequence[Drawn], faults: list[Fault]) -> None:
    polygons = np.array([polygon for _, _, polygon in tiles], dtype=object)
    shapely.prepare(polygons)
    tree = shapely.STRtree(polygons)
    crossing = tree.query(polygons, predicate="overlaps")
    covering = tree.query(polygons, predicate="covers")
    for a, b in np.concatenate(
        [crossing[:, crossing[0] < crossing[1]], covering[:, covering[0] != covering[1]]], axis=1
    ).T:
        shared = square_metres(shapely.intersection(polygons[a], polygons[b]))
        if shared > OVERLAP_M2:
            name, other = tiles[a][0], tiles[b][1].properties.code
            where = f"features ({tiles[a][1].properties.code}).geometry"
            faults.append(Fault(name, where, f"overlaps {other} by {shared:.0f} m2"))
