"""What every process knows about its district: loaded once, never changed, named by one version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from shared.geo.grid import GridIndex
from shared.reference.calendars import Calendar
from shared.reference.categories import Category, CategoryKey, Priority, Scheme, Tile
from shared.reference.channels import Quiet, Robot
from shared.reference.departments import Department
from shared.reference.groups import Group
from shared.reference.homes import Home
from shared.reference.moments import moment
from shared.reference.places import Place, SubDistrict
from shared.reference.points import PointsRules
from shared.reference.prizes import Prize
from shared.reference.routing import Case, Facts, Route, RouteError, Rule, decide
from shared.reference.squads import Partner, Squad, Team

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reference:
    """`version`: sha256 (hex) over the files. Mappings are read-only: departments (community inboxes included),
    sub-districts, places, homes, prizes, partners, teams, squads, groups and robots by code, categories by (scheme, code).
    `rules` are sorted by their order, `cases` are the examples that came with them.
    """

    version: str
    departments: Mapping[str, Department]
    schemes: Mapping[str, Scheme]
    tiles: Mapping[str, Tile]
    categories: Mapping[CategoryKey, Category]
    rules: tuple[Rule, ...]
    cases: tuple[Case, ...]
    points: PointsRules
    calendar: Calendar
    subdistricts: Mapping[str, SubDistrict]
    places: Mapping[str, Place]
    grid: GridIndex
    groups: Mapping[str, Group]
    homes: Mapping[str, Home]
    prizes: Mapping[str, Prize]
    partners: Mapping[str, Partner]
    teams: Mapping[str, Team]
    squads: Mapping[str, Squad]
    robots: Mapping[str, Robot]
    quiet: Quiet

    def route(
        self,
        category: CategoryKey,
        condition: str | None,
        place: str | None,
        priority: Priority | None = None,
        local: datetime | None = None,
        answers: Mapping[str, str] = NOTHING,
    ) -> Route | RouteError:
        """Who gets an order, see `facts`. Never raises: what cannot be decided is a `RouteError`, for triage and an alert."""
        facts = self.facts(category, condition, place, priority, local, answers)
        return facts if isinstance(facts, RouteError) else decide(self.rules, self.departments, facts, self.version)

    def facts(
        self,
        category: CategoryKey,
        condition: str | None,
        place: str | None,
        priority: Priority | None = None,
        local: datetime | None = None,
        answers: Mapping[str, str] = NOTHING,
    ) -> Facts | RouteError:
        """What rules look at. `condition` None means the category's first; `place` is the most precise grid code known (any
        level), None if uncertain; `priority` is the final class, the condition's own if None; `local` is the time on the
        wall there, without an offset. Answers to questions that the category does not ask are left out.
        """
        kind = self.categories.get(category)
        if kind is None:
            return RouteError(None, f"unknown category {':'.join(category)}", self.version)
        state = kind.condition(condition)
        if state is None:
            return RouteError(None, f"category {':'.join(category)} has no condition {condition!r}", self.version)
        when = None if local is None else moment(self.calendar, local)
        known = {question: choice for question, choice in answers.items() if choice in kind.choices.get(question, ())}
        return Facts(kind, state.code, priority or state.priority, place, when, known)
