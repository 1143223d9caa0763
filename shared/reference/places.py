"""The grid tree as files, two a sub-district: YAML with the levels people name, GeoJSON with the micro-grids."""

import zoneinfo
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, field_validator

from shared.reference.files import Fault, Named, Strict

Groups = tuple[str, ...]
"""Chat groups of a node: a community has its own and its officers', a micro-grid the one of its unit."""

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Ring = Annotated[list[tuple[Longitude, Latitude]], Field(min_length=4)]
Kind = Literal["residential", "business", "integrated", "mobile"]


class Centre(Strict):
    """WGS-84 degrees; where a map opens."""

    lng: Longitude
    lat: Latitude


class BasicGrid(Named):
    code: str = Field(pattern="^[0-9]{15}$")
    groups: Groups = ()


class Community(Named):
    code: str = Field(pattern="^[0-9]{12}$")
    groups: Groups = ()
    basic_grids: tuple[BasicGrid, ...] = Field(min_length=1)


class SubDistrict(Named):
    """A tenant of the installation. `zone` is its IANA time zone; `synthetic` marks invented sample data."""

    code: str = Field(pattern="^[0-9]{9}$")
    synthetic: bool = False
    zone: str
    centre: Centre
    communities: tuple[Community, ...] = Field(min_length=1)

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is no IANA time zone") from error
        return zone


class Properties(Named):
    code: str = Field(pattern="^[0-9]{17}$")
    kind: Kind
    groups: Groups = ()


class Polygon(Strict):
    type: Literal["Polygon"]
    coordinates: Annotated[list[Ring], Field(min_length=1)]


class MultiPolygon(Strict):
    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Annotated[list[Ring], Field(min_length=1)]], Field(min_length=1)]


class Feature(Strict):
    type: Literal["Feature"]
    properties: Properties
    geometry: Annotated[Polygon | MultiPolygon, Field(discriminator="type")] | None


class MicroGridsFile(Strict):
    """RFC 7946, that is WGS-84: a `crs` member is refused rather than ignored."""

    type: Literal["FeatureCollection"]
    comment: str = ""
    features: tuple[Feature, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the grid tree at any level. `kind` is set on micro-grids only."""

    code: str
    parent: str | None
    zh: str
    en: str
    groups: Groups
    kind: Kind | None = None


def tree(subdistrict: SubDistrict, micro_grids: MicroGridsFile) -> list[Place]:
    """All nodes of one sub-district, parents first."""
    places = [Place(subdistrict.code, None, subdistrict.zh, subdistrict.en, ())]
    for community in subdistrict.communities:
        places.append(Place(community.code, subdistrict.code, community.zh, community.en, community.groups))
        for basic in community.basic_grids:
            places.append(Place(basic.code, community.code, basic.zh, basic.en, basic.groups))
    for feature in micro_grids.features:
        micro = feature.properties
        places.append(Place(micro.code, _parent(micro), micro.zh, micro.en, micro.groups, micro.kind))
    return places


def _parent(micro: Properties) -> str:
    """A residential micro-grid hangs on its basic grid, a functional one on the lowest level its code does not zero."""
    if micro.kind == "residential":
        return micro.code[:15]
    if micro.code[9:12] == "000":
        return micro.code[:9]
    return micro.code[:12] if micro.code[12:15] == "000" else micro.code[:15]


def check(stem: str, subdistrict: SubDistrict, micro_grids: MicroGridsFile, faults: list[Fault]) -> None:
    """The tree hangs together: names, prefixes, parents, no code twice, and a polygon exactly where one belongs."""
    yaml_name, geo_name = f"{stem}.yaml", f"{stem}.geojson"
    if stem != f"subdistrict-{subdistrict.code}":
        faults.append(Fault(yaml_name, "code", f"{subdistrict.code} does not fit the file's name"))
    places = tree(subdistrict, micro_grids)
    codes = {place.code for place in places}
    seen: set[str] = set()
    for place in places:
        name, where = (yaml_name, "communities") if place.kind is None else (geo_name, "features")
        where = f"{where} ({place.code})"
        if place.code in seen:
            faults.append(Fault(name, where, "code twice"))
        if place.parent is not None and not (place.parent in codes and place.code.startswith(place.parent)):
            faults.append(Fault(name, where, f"its code does not lie under an existing {place.parent}"))
        seen.add(place.code)
    filled = {place.parent for place in places if place.kind == "residential"}
    empty = sorted(code for code in codes if len(code) == 15 and code not in filled)
    faults += [Fault(geo_name, f"features ({code})", "basic grid without a micro-grid") for code in empty]
    for feature in micro_grids.features:
        if (feature.geometry is None) != (feature.properties.kind == "mobile"):
            reason = "a mobile micro-grid has no polygon, every other kind has one"
            faults.append(Fault(geo_name, f"features ({feature.properties.code}).geometry", reason))
