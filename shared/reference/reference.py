"""What every process knows about its district: loaded once, never changed, named by one version."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.geo.grid import GridIndex
from shared.reference.categories import Category, CategoryKey, Priority, Scheme, Tile
from shared.reference.departments import Department
from shared.reference.places import Place, SubDistrict
from shared.reference.points import PointsRules
from shared.reference.routing import Facts, Route, RouteError, Rule, decide


@dataclass(frozen=True, slots=True)
class Reference:
    """`version`: sha256 (hex) over the files. Mappings are read-only: departments (community inboxes included),
    sub-districts and places by code, categories by (scheme, code). `rules` are sorted by their order.
    """

    version: str
    departments: Mapping[str, Department]
    schemes: Mapping[str, Scheme]
    tiles: Mapping[str, Tile]
    categories: Mapping[CategoryKey, Category]
    rules: tuple[Rule, ...]
    points: PointsRules
    subdistricts: Mapping[str, SubDistrict]
    places: Mapping[str, Place]
    grid: GridIndex

    def route(
        self, category: CategoryKey, condition: str | None, place: str | None, priority: Priority | None = None
    ) -> Route | RouteError:
        """Who gets an order. `condition` None means the category's first; `place` is the most precise grid code known
        (any level), None if uncertain; `priority` is the final class, the condition's own if None.

        Never raises: what cannot be decided is a `RouteError`, for triage and an alert.
        """
        kind = self.categories.get(category)
        if kind is None:
            return RouteError(None, f"unknown category {':'.join(category)}", self.version)
        state = kind.condition(condition)
        if state is None:
            return RouteError(None, f"category {':'.join(category)} has no condition {condition!r}", self.version)
        facts = Facts(kind, state.code, priority or state.priority, place)
        return decide(self.rules, self.departments, facts, self.version)
