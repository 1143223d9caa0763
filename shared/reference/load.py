"""Load one directory of reference data, or say everything that is wrong with it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from shared.reference import calendars, categories, channels, groups, points, rules
from shared.reference.calendars import Calendar, CalendarFile
from shared.reference.categories import CategoriesFile
from shared.reference.channels import ChannelsFile, Quiet
from shared.reference.departments import Department
from shared.reference.files import ReferenceInvalid, read, version
from shared.reference.life import Life, meet
from shared.reference.points import PointsRules
from shared.reference.reading import Reading
from shared.reference.reference import Reference
from shared.reference.routing import RoutingFile
from shared.reference.territory import Territory, staff, survey


def load(directory: Path) -> Reference:
    """The reference data in `directory`, see `examine`. What does not end in .yaml or .geojson is left alone.

    Raises `ReferenceInvalid` with the faults of every file, not just the first.
    """
    return examine(read(directory))


def examine(files: Mapping[str, bytes]) -> Reference:
    """The reference data in these files by name: departments, categories, points and routing*.yaml; for each sub-district
    `subdistrict-<code>.yaml` with its `.geojson`; and, where there are any, calendar-<year>, homes*, prizes*,
    squads* and channels*.yaml. A file of another name is a fault.

    Raises `ReferenceInvalid` with the faults of every file, not just the first.
    """
    reading = Reading(files)
    reading.strangers()
    territory = survey(reading)
    life = meet(reading, territory, sound=not reading.faults)
    known = staff(reading, territory.subdistricts)
    kinds, pays, calendar = _kinds(reading, known), _pays(reading), _calendar(reading)
    routing, spoken = _routing(reading), _spoken(reading, territory, life, known)
    # Rules point into everything else, so their faults mean something only once the rest is right.
    if reading.faults or kinds is None or pays is None:
        raise ReferenceInvalid(reading.faults)
    reference = _put_together(files, territory, life, known, kinds, pays, calendar, routing, spoken)
    rules.check(routing, reference, reading.faults)
    if reading.faults:
        raise ReferenceInvalid(reading.faults)
    return reference


def _kinds(reading: Reading, known: Mapping[str, Department]) -> CategoriesFile | None:
    file = reading.one("categories.yaml", CategoriesFile)
    if file:
        categories.check("categories.yaml", file, frozenset(known) if known else None, reading.faults)
    return file


def _pays(reading: Reading) -> PointsRules | None:
    file = reading.one("points.yaml", PointsRules)
    if file:
        points.check("points.yaml", file, reading.faults)
    return file


def _calendar(reading: Reading) -> Calendar:
    files = reading.family("calendar", CalendarFile)
    calendars.check(files, reading.faults)
    return Calendar(MappingProxyType({file.year: file for file in files.values()}))


def _routing(reading: Reading) -> dict[str, RoutingFile]:
    files = reading.family("routing", RoutingFile)
    if not files:
        reading.one("routing.yaml", RoutingFile)
    return files


def _spoken(
    reading: Reading, territory: Territory, life: Life, known: Mapping[str, Department]
) -> dict[str, ChannelsFile]:
    files = reading.family("channels", ChannelsFile)
    there = list(groups.tree(territory.tree, life.squads))
    channels.check(files, there, territory.tree, set(known), reading.faults)
    return files


def _put_together(
    files: Mapping[str, bytes],
    territory: Territory,
    life: Life,
    known: Mapping[str, Department],
    kinds: CategoriesFile,
    pays: PointsRules,
    calendar: Calendar,
    routing: Mapping[str, RoutingFile],
    spoken: Mapping[str, ChannelsFile],
) -> Reference:
    return Reference(
        version=version(files),
        departments=MappingProxyType(dict(known)),
        schemes=_by_code(kinds.schemes),
        tiles=_by_code(kinds.tiles),
        categories=MappingProxyType({category.key: category for category in kinds.categories}),
        rules=rules.ordered(routing),
        cases=tuple(case for file in routing.values() for case in file.cases),
        points=pays,
        calendar=calendar,
        subdistricts=_by_code(territory.subdistricts),
        places=_by_code(territory.tree),
        grid=territory.grid,
        groups=_by_code(groups.tree(territory.tree, life.squads)),
        homes=_by_code(life.homes),
        prizes=_by_code(life.prizes),
        partners=_by_code(life.partners),
        teams=_by_code(life.teams),
        squads=_by_code(life.squads),
        robots=_by_code(robot for file in spoken.values() for robot in file.robots),
        quiet=next((file.quiet for file in spoken.values() if file.quiet), Quiet()),
    )


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


_Item = TypeVar("_Item", bound=_Coded)


def _by_code(items: Iterable[_Item]) -> Mapping[str, _Item]:
    return MappingProxyType({item.code: item for item in items})
