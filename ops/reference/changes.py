"""What a new reference directory would change: data, ground that moves, and who is asked for what."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from ops.reference import fields
from ops.reference.fields import What
from ops.reference.situations import situations
from shared.geo.area import square_metres
from shared.reference.categories import CategoryKey
from shared.reference.reference import Reference
from shared.reference.routing import Case, Route, RouteError

Drawn = Mapping[str, BaseGeometry]
"""Polygons by code."""

NOTICEABLE_M2 = 1.0
NOWHERE = "-"
"""Ground outside every micro-grid."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of data that differs. Without `field` the whole item came or went, and the names are given."""

    part: str
    code: str
    what: What
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Ground that lies in another micro-grid or overlay than before; `-` is none."""

    before: str
    after: str
    m2: int


@dataclass(frozen=True, slots=True)
class Rerouted:
    """A report that would go elsewhere. `case`: an example of the rules, else how many micro-grids it holds for (`grids`).
    `when`: at what time or with which answer, empty if it is so on a plain working day without any.
    """

    category: str
    condition: str | None
    place: str | None
    before: str
    after: str
    case: bool
    grids: int = 0
    when: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything, with the versions of both."""

    before: str
    after: str
    data: tuple[Change, ...]
    ground: tuple[Moved, ...]
    routes: tuple[Rerouted, ...]

    @property
    def any(self) -> bool:
        return bool(self.data or self.ground or self.routes)


def changes(before: Reference, after: Reference) -> Changes:
    """What is different in `after`."""
    old, new = fields.parts(before), fields.parts(after)
    data = [Change(part, *line) for part in old for line in fields.compare(old[part], new[part])]
    routes = [*_cases(before, after), *_reroutes(before, after)]
    return Changes(before.version, after.version, tuple(data), tuple(_ground(before, after)), tuple(routes))


def _ground(before: Reference, after: Reference) -> Iterator[Moved]:
    """Micro-grids give ground to each other; an overlay lies over them and only grows and shrinks."""
    yield from _tiles(_drawn(before, tiles=True), _drawn(after, tiles=True))
    old, new = _drawn(before, tiles=False), _drawn(after, tiles=False)
    for code in sorted({*old, *new}):
        was, now = old.get(code, shapely.Polygon()), new.get(code, shapely.Polygon())
        yield from _seen(code, NOWHERE, was.difference(now))
        yield from _seen(NOWHERE, code, now.difference(was))


def _drawn(reference: Reference, *, tiles: bool) -> Drawn:
    drawn = reference.grid.polygons
    return {code: it for code, it in drawn.items() if (reference.places[code].kind == "residential") == tiles}


def _tiles(old: Drawn, new: Drawn) -> Iterator[Moved]:
    old_tree, new_tree = shapely.STRtree(list(old.values())), shapely.STRtree(list(new.values()))
    codes = list(new)
    for code, polygon in _redrawn(old, new):
        hits = sorted(new_tree.query(polygon, predicate="intersects"))
        for i in hits:
            if codes[i] != code:
                yield from _seen(code, codes[i], polygon.intersection(new[codes[i]]))
        yield from _seen(code, NOWHERE, polygon.difference(shapely.union_all([new[codes[i]] for i in hits])))
    for code, polygon in _redrawn(new, old):
        under = [old_tree.geometries[i] for i in old_tree.query(polygon, predicate="intersects")]
        yield from _seen(NOWHERE, code, polygon.difference(shapely.union_all(under)))


def _redrawn(these: Drawn, others: Drawn) -> Iterator[tuple[str, BaseGeometry]]:
    for code, polygon in these.items():
        if code not in others or not polygon.equals(others[code]):
            yield code, polygon


def _seen(before: str, after: str, ground: BaseGeometry) -> Iterator[Moved]:
    m2 = square_metres(ground)
    if m2 > NOTICEABLE_M2:
        yield Moved(before, after, round(m2))


def _cases(before: Reference, after: Reference) -> Iterator[Rerouted]:
    """Examples of either side that come out differently."""
    cases = {case.model_dump_json(): case for case in (*before.cases, *after.cases)}
    for case in cases.values():
        scheme, _, code = case.category.partition(":")
        was, now = (_case(reference, (scheme, code), case) for reference in (before, after))
        if was != now:
            yield Rerouted(case.category, case.condition, case.place, was, now, case=True)


def _case(reference: Reference, key: CategoryKey, case: Case) -> str:
    if case.place is not None and case.place not in reference.places:
        return f"? {case.place} is not in the grid tree"
    return _say(reference.route(key, case.condition, case.place, case.priority, case.at, case.answers))


def _reroutes(before: Reference, after: Reference) -> Iterator[Rerouted]:
    """Every condition that both know in every micro-grid that both have, first as on a plain working day; other times and
    answers are told of where something else comes of them."""
    sites = _sites(before, after)
    conditions = [
        (key, condition.code)
        for key in before.categories.keys() & after.categories.keys()
        for condition in before.categories[key].conditions
        if after.categories[key].condition(condition.code)
    ]
    for key, condition in sorted(conditions):
        told: set[tuple[str, str]] = set()
        for one in situations(before, after, key):
            found: Counter[tuple[str, str]] = Counter()
            example: dict[tuple[str, str], str] = {}
            for place, many in sites.items():
                asked = key, condition, place, None, one.local, one.answers
                outcome = _say(before.route(*asked)), _say(after.route(*asked))
                found[outcome] += many
                example.setdefault(outcome, place)
            for (was, now), grids in found.items():
                if was != now and (was, now) not in told:
                    yield Rerouted(":".join(key), condition, example[was, now], was, now, False, grids, one.said)
            told |= found.keys()


def _sites(before: Reference, after: Reference) -> Mapping[str, int]:
    """One micro-grid for all that no rule can tell apart (same community, same places named by rules), and how many."""
    both = sorted(code for code, place in before.places.items() if place.kind == "residential" and code in after.places)
    named = {place for reference in (before, after) for rule in reference.rules for place in rule.when.place}
    alike: dict[tuple[str, ...], list[str]] = {}
    for code in both:
        alike.setdefault((code[:12], *sorted(p for p in named if code.startswith(p))), []).append(code)
    return {codes[0]: len(codes) for codes in alike.values()}


def _say(route: Route | RouteError) -> str:
    if isinstance(route, Route):
        return f"{', '.join(route.departments)} ({route.rule})"
    return f"? {route.reason}"
