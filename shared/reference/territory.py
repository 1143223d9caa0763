"""The part of a directory that is about places: sub-districts, their tree, their polygons, and who is asked there."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.geo.grid import GridIndex
from shared.reference import departments, groups, places, polygons
from shared.reference.departments import Department, DepartmentsFile, community_inbox
from shared.reference.files import Fault
from shared.reference.places import MicroGridsFile, Place, SubDistrict
from shared.reference.reading import Reading


@dataclass(frozen=True, slots=True)
class Territory:
    """Every sub-district with its tree, parents first, and one index over the micro-grids of all."""

    subdistricts: tuple[SubDistrict, ...]
    tree: tuple[Place, ...]
    grid: GridIndex


def survey(reading: Reading) -> Territory:
    """What the sub-districts' files say."""
    stems = reading.stems()
    if not stems:
        reading.faults.append(Fault("subdistrict-<code>.yaml", "", "missing: a district has at least one sub-district"))
    subdistricts: list[SubDistrict] = []
    tree: list[Place] = []
    drawn: list[polygons.Drawn] = []
    for stem in stems:
        subdistrict = reading.one(f"{stem}.yaml", SubDistrict)
        micro_grids = reading.one(f"{stem}.geojson", MicroGridsFile)
        if subdistrict and micro_grids:
            places.check(stem, subdistrict, micro_grids, reading.faults)
            subdistricts.append(subdistrict)
            tree += places.tree(subdistrict, micro_grids)
            drawn += polygons.draw(f"{stem}.geojson", subdistrict, micro_grids, reading.faults)
    groups.check_places(tree, reading.faults)
    return Territory(tuple(subdistricts), tuple(tree), polygons.index(drawn, reading.faults))


def staff(reading: Reading, subdistricts: Iterable[SubDistrict]) -> dict[str, Department]:
    """The departments of the file and an inbox for each community; empty if the file cannot be read."""
    file = reading.one("departments.yaml", DepartmentsFile)
    if file is None:
        return {}
    departments.check("departments.yaml", file, reading.faults)
    found = {department.code: department for department in file.departments}
    for community in (community for subdistrict in subdistricts for community in subdistrict.communities):
        code = community_inbox(community.code)
        found[code] = Department(code=code, zh=community.zh, en=community.en, contact="inbox", community=community.code)
    return found
