"""Chat groups, "homes online": community group > micro-grid officers' group > micro-grid unit group, and each squad's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from shared.reference.files import Fault
from shared.reference.places import Place
from shared.reference.squads import Squad

Level = Literal["community", "officers", "unit", "squad"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Group:
    """An audience. `of` is the code of the node or squad whose group it is, `above` the group over it, None at the top."""

    code: str
    level: Level
    of: str
    above: str | None = None


def group_code(level: Level, of: str) -> str:
    """How a group is called everywhere: `unit-<code of the micro-grid>`."""
    return f"{level}-{of}"


def tree(places: Iterable[Place], squads: Iterable[Squad]) -> Iterator[Group]:
    """Every group that the files name, with its level; names of another form are left out (`check` refuses them)."""
    for place in places:
        for code in place.groups:
            level, _, of = code.partition("-")
            if of == place.code and level in ("community", "officers", "unit"):
                yield Group(code, level, of, _above(level, place))  # type: ignore[arg-type] # one of the three
    for squad in squads:
        for code in squad.groups:
            if code == group_code("squad", squad.code):
                yield Group(code, "squad", squad.code, group_code("community", squad.community))


def _above(level: str, place: Place) -> str | None:
    """A functional micro-grid that spans communities has no officers' group over it."""
    if level == "community":
        return None
    if level == "officers":
        return group_code("community", place.code)
    community = place.code[:12]
    return None if community.endswith("000") else group_code("officers", community)


def check_places(places: Iterable[Place], faults: list[Fault]) -> None:
    """Every community has its two groups and every micro-grid its own, each called after whose it is."""
    for place in places:
        file, part = ("geojson", "features") if place.kind else ("yaml", "communities")
        wanted = [group_code(level, place.code) for level in _levels(place)]
        name = f"subdistrict-{place.code[:9]}.{file}"
        faults += _wrong(name, f"{part} ({place.code}).groups", place.groups, wanted)


def check_squads(squads: Iterable[tuple[str, Squad]], faults: list[Fault]) -> None:
    """Every squad has its own group. `squads` come with the name of their file."""
    for name, squad in squads:
        wanted = [group_code("squad", squad.code)]
        faults += _wrong(name, f"squads ({squad.code}).groups", squad.groups, wanted)


def _levels(place: Place) -> tuple[Level, ...]:
    if place.kind is not None:
        return ("unit",)
    return ("community", "officers") if len(place.code) == 12 else ()


def _wrong(name: str, where: str, given: tuple[str, ...], wanted: list[str]) -> Iterator[Fault]:
    for code in wanted:
        if code not in given:
            yield Fault(name, where, f"{code} is missing")
    for code in given:
        if code not in wanted:
            yield Fault(name, where, f"{code!r} is no group of it: {', '.join(wanted) or 'it has none'}")
    if len(set(given)) < len(given):
        yield Fault(name, where, "a group twice")
