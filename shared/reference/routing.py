"""Who gets an order: an ordered table, the first rule that matches decides, and one that cannot decide says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field, NaiveDatetime

from shared.reference.categories import COMMUNITY, Category, CategoryKey, Priority
from shared.reference.departments import community_inbox
from shared.reference.files import Strict
from shared.reference.moments import Day, Hours, Moment

ACTS = "@acts"


class When(Strict):
    """All given parts must hold, any entry of a part will do; an absent part always holds.

    `category`: `scheme:code`, or `scheme:E05*` for all that begin so. `place`: codes of any level of the grid tree.
    `hours`, `days` and `working` (time, by the calendar) are those at which it is routed, on the clock of its sub-district.
    `answers`: choices by question of the category; a question that was not answered fits none of them.
    """

    category: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    priority: tuple[Priority, ...] = Field(default=(), alias="class")
    place: tuple[str, ...] = ()
    hours: tuple[Hours, ...] = ()
    days: tuple[Day, ...] = ()
    working: bool | None = None
    answers: Mapping[str, tuple[str, ...]] = {}


class Rule(Strict):
    """`to`: department codes, `@acts` (the category's own) or `@community` (the inbox of the place's community)."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,60}$")
    order: int
    when: When = When()
    to: tuple[str, ...] = Field(min_length=1)
    why: str


class Case(Strict):
    """An example that must come out as written, else the file is refused. `at`: local time, such as 2026-11-25T23:30."""

    category: str
    condition: str | None = None
    priority: Priority | None = Field(default=None, alias="class")
    place: str | None = None
    at: NaiveDatetime | None = None
    answers: Mapping[str, str] = {}
    rule: str
    departments: tuple[str, ...] = Field(min_length=1)


class RoutingFile(Strict):
    """Rules and the cases that show what they do; every rule decides at least one case of its own file."""

    rules: tuple[Rule, ...] = ()
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What routing looks at: final class, condition code and the most precise code of the place, None if uncertain.
    `moment` None: nobody says when. `answers`: the choice by question, of those that were answered."""

    category: Category
    condition: str
    priority: Priority
    place: str | None
    moment: Moment | None = None
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """The departments in order, with the rule and the reference version that decided it."""

    departments: tuple[str, ...]
    rule: str
    version: str


@dataclass(frozen=True, slots=True)
class RouteError:
    """No decision: an alert and a triage case. `rule` is the one that could not decide, None if none came to it."""

    rule: str | None
    reason: str
    version: str


class _Undecidable(Exception):
    """The rule asks for something that is not known."""


def decide(rules: Sequence[Rule], departments: Mapping[str, object], facts: Facts, version: str) -> Route | RouteError:
    """The first rule that matches, of rules sorted by `order`; none is asked after one that cannot tell."""
    for rule in rules:
        try:
            if matches(rule.when, facts):
                return Route(_targets(rule.to, departments, facts), rule.code, version)
        except _Undecidable as error:
            return RouteError(rule.code, str(error), version)
    return RouteError(None, "no rule matches", version)


def names_category(pattern: str, key: CategoryKey) -> bool:
    """Whether `scheme:code` or `scheme:begin*` means this category."""
    text = ":".join(key)
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def matches(when: When, facts: Facts) -> bool:
    """Whether all parts hold. Raises what makes `decide` answer with a `RouteError` if that cannot be told."""
    if when.category and not any(names_category(pattern, facts.category.key) for pattern in when.category):
        return False
    if when.condition and facts.condition not in when.condition:
        return False
    if when.priority and facts.priority not in when.priority:
        return False
    if any(facts.answers.get(question) not in choices for question, choices in when.answers.items()):
        return False
    if when.place and not _lies_in(facts.place, when.place):
        return False
    return not (when.hours or when.days or when.working is not None) or _is_then(facts.moment, when)


def _is_then(moment: Moment | None, when: When) -> bool:
    if moment is None:
        raise _Undecidable("the rule asks for the time, which nobody says")
    if when.hours and not any(moment.within(hours) for hours in when.hours):
        return False
    if when.days and moment.day not in when.days:
        return False
    return when.working is None or moment.working == when.working


def _lies_in(place: str | None, areas: tuple[str, ...]) -> bool:
    if place is None:
        raise _Undecidable("the rule asks for the place, which is uncertain")
    if any(place.startswith(area) for area in areas):
        return True
    if any(area.startswith(place) for area in areas):
        raise _Undecidable(f"the rule asks for a finer place than {place}")
    return False


def _targets(to: tuple[str, ...], departments: Mapping[str, object], facts: Facts) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for target in to:
        for code in _expand(target, facts):
            if code not in departments:
                raise _Undecidable(f"there is no department {code!r}")
            found[code] = None
    return tuple(found)


def _expand(target: str, facts: Facts) -> tuple[str, ...]:
    if target == ACTS:
        return tuple(code for actor in facts.category.acts for code in _expand(actor, facts))
    if target != COMMUNITY:
        return (target,)
    if facts.place is None or len(facts.place) < 12:
        raise _Undecidable("the rule asks the community, which is uncertain")
    return (community_inbox(facts.place[:12]),)
