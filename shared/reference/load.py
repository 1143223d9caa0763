"""Load one directory of reference data, or say everything that is wrong with it."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from shared.geo.grid import GridIndex
from shared.reference import categories, departments, places, points, polygons, rules
from shared.reference.departments import Department, DepartmentsFile, community_inbox
from shared.reference.files import Fault, Model, ReferenceInvalid, parse, read, version
from shared.reference.places import MicroGridsFile, Place, SubDistrict
from shared.reference.reference import Reference
from shared.reference.routing import RoutingFile

_SUBDISTRICT = re.compile(r"(subdistrict-[0-9]{9})\.(?:yaml|geojson)")
_ROUTING = re.compile(r"routing(?:-[a-z0-9-]+)?\.yaml")
_NAMES = ("categories.yaml", "departments.yaml", "points.yaml", "routing.yaml")


def load(directory: Path) -> Reference:
    """The reference data in `directory`: departments, categories, points, routing*.yaml and, for each sub-district,
    `subdistrict-<code>.yaml` with its `.geojson`. A file of another name ending in .yaml or .geojson is a fault.

    Raises `ReferenceInvalid` with the faults of every file, not just the first.
    """
    files, faults = read(directory), list[Fault]()
    for name in files:
        if not (name in _NAMES or _SUBDISTRICT.fullmatch(name) or _ROUTING.fullmatch(name)):
            faults.append(Fault(name, "", "no reference file has such a name"))

    subdistricts, tree, grid = _places(files, faults)
    staff = _departments(files, subdistricts, faults)
    kinds = _file("categories.yaml", categories.CategoriesFile, files, faults)
    if kinds:
        categories.check("categories.yaml", kinds, frozenset(staff) if staff else None, faults)
    pays = _file("points.yaml", points.PointsRules, files, faults)
    if pays:
        points.check("points.yaml", pays, faults)
    names = {"routing.yaml", *filter(_ROUTING.fullmatch, files)}
    routing = {name: file for name in sorted(names) if (file := _file(name, RoutingFile, files, faults))}

    # Rules point into everything else, so their faults mean something only once the rest is right.
    if faults or kinds is None or pays is None:
        raise ReferenceInvalid(faults)
    reference = Reference(
        version=version(files),
        departments=MappingProxyType(staff),
        schemes=_by_code(kinds.schemes),
        tiles=_by_code(kinds.tiles),
        categories=MappingProxyType({category.key: category for category in kinds.categories}),
        rules=rules.ordered(routing),
        points=pays,
        subdistricts=_by_code(subdistricts),
        places=_by_code(tree),
        grid=grid,
    )
    rules.check(routing, reference, faults)
    if faults:
        raise ReferenceInvalid(faults)
    return reference


def _file(name: str, model: type[Model], files: Mapping[str, bytes], faults: list[Fault]) -> Model | None:
    if name not in files:
        faults.append(Fault(name, "", "missing"))
        return None
    return parse(name, files[name], model, faults)


def _places(files: Mapping[str, bytes], faults: list[Fault]) -> tuple[list[SubDistrict], list[Place], GridIndex]:
    """Every sub-district with its tree, and one index over the micro-grids of all."""
    stems = sorted({match[1] for name in files if (match := _SUBDISTRICT.fullmatch(name))})
    if not stems:
        faults.append(Fault("subdistrict-<code>.yaml", "", "missing: a district has at least one sub-district"))
    subdistricts: list[SubDistrict] = []
    tree: list[Place] = []
    drawn: list[polygons.Drawn] = []
    for stem in stems:
        subdistrict = _file(f"{stem}.yaml", SubDistrict, files, faults)
        micro_grids = _file(f"{stem}.geojson", MicroGridsFile, files, faults)
        if subdistrict and micro_grids:
            places.check(stem, subdistrict, micro_grids, faults)
            subdistricts.append(subdistrict)
            tree += places.tree(subdistrict, micro_grids)
            drawn += polygons.draw(f"{stem}.geojson", subdistrict, micro_grids, faults)
    return subdistricts, tree, polygons.index(drawn, faults)


def _departments(
    files: Mapping[str, bytes], subdistricts: Iterable[SubDistrict], faults: list[Fault]
) -> dict[str, Department]:
    """The departments of the file and an inbox for each community; empty if the file cannot be read."""
    file = _file("departments.yaml", DepartmentsFile, files, faults)
    if file is None:
        return {}
    departments.check("departments.yaml", file, faults)
    found = {department.code: department for department in file.departments}
    for community in (community for subdistrict in subdistricts for community in subdistrict.communities):
        code = community_inbox(community.code)
        found[code] = Department(code=code, zh=community.zh, en=community.en, contact="inbox", community=community.code)
    return found


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


_Item = TypeVar("_Item", bound=_Coded)


def _by_code(items: Iterable[_Item]) -> Mapping[str, _Item]:
    return MappingProxyType({item.code: item for item in items})
