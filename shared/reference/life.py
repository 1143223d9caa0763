"""The part of a directory that is about people and things: homes, prizes, partners, teams and squads."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.reference import groups, homes, prizes, squads
from shared.reference.homes import Home, HomesFile
from shared.reference.prizes import Prize, PrizesFile
from shared.reference.reading import Reading
from shared.reference.squads import Partner, Squad, SquadsFile, Team
from shared.reference.territory import Territory


@dataclass(frozen=True, slots=True)
class Life:
    """All of it; an installation may begin without any."""

    homes: tuple[Home, ...]
    prizes: tuple[Prize, ...]
    partners: tuple[Partner, ...]
    teams: tuple[Team, ...]
    squads: tuple[Squad, ...]


def meet(reading: Reading, territory: Territory, *, sound: bool) -> Life:
    """What the files say. `sound`: whether the territory is without faults; else it is too early to point into it."""
    houses = reading.family("homes", HomesFile)
    goods = reading.family("prizes", PrizesFile)
    bands = reading.family("squads", SquadsFile)
    if sound:
        nodes = {place.code: place for place in territory.tree}
        homes.check(houses, nodes, territory.grid, reading.faults)
        squads.check(bands, nodes, reading.faults)
        prizes.check(goods, {home.code: home for home in _homes(houses)}, reading.faults)
    groups.check_squads(((name, squad) for name, file in bands.items() for squad in file.squads), reading.faults)
    return Life(
        homes=tuple(_homes(houses)),
        prizes=tuple(prize for file in goods.values() for prize in file.prizes),
        partners=tuple(partner for file in bands.values() for partner in file.partners),
        teams=tuple(team for file in bands.values() for team in file.teams),
        squads=tuple(squad for file in bands.values() for squad in file.squads),
    )


def _homes(files: dict[str, HomesFile]) -> Iterator[Home]:
    return (home for file in files.values() for home in file.homes)
