"""Whom riders belong to: the partner they ride for, their volunteer team and the squad of a community."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from shared.reference.files import Fault, Named, Strict
from shared.reference.places import Groups, Place


class Partner(Named):
    """A delivery platform or courier firm that works with the district. Riders belong to one."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")


class Team(Named):
    """A volunteer team of one sub-district."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")
    subdistrict: str = Field(pattern="^[0-9]{9}$")


class Squad(Named):
    """A team's riders in one community, led by a captain (who that is, is an account's matter, not reference data)."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")
    team: str
    community: str = Field(pattern="^[0-9]{12}$")
    groups: Groups = ()


class SquadsFile(Strict):
    partners: tuple[Partner, ...] = ()
    teams: tuple[Team, ...] = ()
    squads: tuple[Squad, ...] = ()


def check(files: Mapping[str, SquadsFile], places: Mapping[str, Place], faults: list[Fault]) -> None:
    """Codes are unique, and every squad belongs to a known team and to a community of the team's sub-district."""
    teams = {team.code: team for file in files.values() for team in file.teams}
    for part in ("partners", "teams", "squads"):
        coded = [(name, item.code) for name, file in files.items() for item in getattr(file, part)]
        faults += [Fault(name, f"{part} ({code}).code", "code twice") for name, code in _again(coded)]
    for name, file in files.items():
        for team in file.teams:
            if team.subdistrict not in places:
                faults.append(
                    Fault(name, f"teams ({team.code}).subdistrict", f"{team.subdistrict} is not in the grid tree")
                )
        for squad in file.squads:
            faults += [
                Fault(name, f"squads ({squad.code}).{part}", why) for part, why in _dangling(squad, teams, places)
            ]


def _dangling(squad: Squad, teams: Mapping[str, Team], places: Mapping[str, Place]) -> Iterable[tuple[str, str]]:
    team = teams.get(squad.team)
    if team is None:
        yield "team", f"unknown team {squad.team!r}"
    if squad.community not in places:
        yield "community", f"{squad.community} is not in the grid tree"
    elif team is not None and not squad.community.startswith(team.subdistrict):
        yield "community", f"lies outside {team.subdistrict}, the sub-district of its team"


def _again(coded: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    seen: set[str] = set()
    for name, code in coded:
        if code in seen:
            yield name, code
        seen.add(code)
