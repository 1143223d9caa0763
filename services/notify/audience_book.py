"""The group tree with who can speak in it: which micro-grid has no group, and which group no robot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.notify.domain.broadcast import RIDERS
from services.notify.domain.case import department_audience
from services.notify.domain.words import Words
from shared.errors import Invalid
from shared.reference.reference import Reference
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Audience:
    """`code` as messages name it. `level`: community, officers, unit, squad, staff, leads or department; `of`: the node, squad or
    department whose it is; `above`: the group over it. `robots`: channels that speak there."""

    code: str
    level: str
    of: str
    name: Words
    community: str | None
    above: str | None
    robots: tuple[str, ...]


class AudienceBook:
    """Made once of reference data."""

    def __init__(self, reference: Reference, groups: Mapping[str, Mapping[str, str | None]]) -> None:
        """`groups`: of each sub-district, with the community of each."""
        self._reference = reference
        self._groups = groups
        self._robots: dict[str, tuple[str, ...]] = {}
        for robot in reference.robots.values():
            self._robots[robot.audience] = (*self._robots.get(robot.audience, ()), robot.channel)

    def seen(self, scope: Scope) -> list[Audience]:
        """Those of a desk: of its communities, or of the whole sub-district."""
        found = [self._group(code, where) for code, where in self._groups.get(scope.subdistrict, {}).items()]
        found += [self._staff(code) for code in self._communities(scope.subdistrict)]
        if not scope.communities and scope.subdistrict in self._reference.subdistricts:
            found += [self._department(scope.subdistrict, code) for code in self._own_departments()]
            found.append(self._leads(scope.subdistrict))
        return [one for one in found if not scope.communities or one.community in scope.communities]

    def speaks(self, audience: str) -> bool:
        """Whether a robot does."""
        kind, _, id_ = audience.partition(":")
        name = f"department:{id_.partition(':')[2]}" if kind == "department" else audience
        return name in self._robots

    def targets(self, scope: Scope, wanted: Iterable[str], *, below: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The audiences of a notice, each once, with `below` those of the groups under them; and their communities, () if
        one lies in none or in several. Raises `Invalid` naming the one that is not the desk's."""
        seen = {one.code: one for one in self.seen(scope)}
        found: dict[str, str | None] = {}
        for number, code in enumerate(wanted):
            where = seen[code].community if code in seen else self._riders(scope, code)
            if where is None and code not in seen and code != f"{RIDERS}{scope.subdistrict}":
                raise Invalid.field(f"targets.{number}", "is no audience of yours")
            found[code] = where
            if below:
                found |= {one.code: one.community for one in seen.values() if self._under(one, code, seen)}
        communities = set(found.values())
        return tuple(found), () if None in communities else tuple(sorted(filter(None, communities)))

    def _riders(self, scope: Scope, code: str) -> str | None:
        """The community of some riders; of the whole sub-district only for who sees to it. Raises `Invalid`."""
        of = code.removeprefix(RIDERS) if code.startswith(RIDERS) else ""
        squad = self._reference.squads.get(of)
        community = squad.community if squad else of if of in self._reference.places and len(of) == 12 else None
        if community is None or not community.startswith(scope.subdistrict):
            if of == scope.subdistrict and scope.communities:
                raise Invalid.field("targets", "the whole sub-district is not yours")
            return None
        return community if not scope.communities or community in scope.communities else None

    def _under(self, one: Audience, code: str, seen: Mapping[str, Audience]) -> bool:
        above = one.above
        while above is not None and above != code:
            above = seen[above].above if above in seen else None
        return above == code

    def grids_without_group(self, scope: Scope) -> list[str]:
        """Micro-grids of the desk that are nobody's group: "one grid, one group"."""
        grouped = {group.of for group in self._reference.groups.values() if group.level == "unit"}
        places = self._reference.places.values()
        micro = [place.code for place in places if place.kind and place.code.startswith(scope.subdistrict)]
        mine = [code for code in micro if not scope.communities or code[:12] in scope.communities]
        return [code for code in mine if code not in grouped]

    def _own_departments(self) -> list[str]:
        """Without the communities' inboxes: their staff are told as such."""
        return sorted(code for code, one in self._reference.departments.items() if one.community is None)

    def _communities(self, subdistrict: str) -> list[str]:
        return [code for code in self._reference.places if len(code) == 12 and code.startswith(subdistrict)]

    def _group(self, code: str, community: str | None) -> Audience:
        group = self._reference.groups[code]
        named = self._reference.squads[group.of] if group.level == "squad" else self._reference.places[group.of]
        above = f"group:{group.above}" if group.above else None
        return self._made(f"group:{code}", group.level, group.of, Words(named.zh, named.en), community, above)

    def _staff(self, community: str) -> Audience:
        place = self._reference.places[community]
        return self._made(f"community:{community}", "staff", community, Words(place.zh, place.en), community)

    def _department(self, subdistrict: str, code: str) -> Audience:
        named, robots = self._reference.departments[code], self._robots.get(f"department:{code}", ())
        audience = department_audience(subdistrict, code)
        return Audience(audience, "department", code, Words(named.zh, named.en), None, None, robots)

    def _leads(self, code: str) -> Audience:
        place = self._reference.subdistricts[code]
        return self._made(f"subdistrict:{code}", "leads", code, Words(place.zh, place.en), None)

    def _made(
        self, code: str, level: str, of: str, name: Words, community: str | None, above: str | None = None
    ) -> Audience:
        return Audience(code, level, of, name, community, above, self._robots.get(code, ()))
