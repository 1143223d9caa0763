"""Where things can lie and what can be wrong with them, as the reference data of the installation say it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from shared.reference.categories import Category, Condition
from shared.reference.reference import Reference
from shared.reference.routing import RouteError

HAZARD = "hazard"
"""The activity that reports are paid for; whatever pays for another one is approved, not reported."""

PLAYED = timedelta(minutes=15)
"""How long a play takes at most if nobody says otherwise; also how often who must act is asked during a longer one."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place well inside a micro-grid, WGS-84."""

    lng: float
    lat: float
    micro_grid: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rider may find: a category and its condition."""

    category: Category
    condition: Condition

    @property
    def emergency(self) -> bool:
        return self.condition.priority == "E"

    @property
    def pays(self) -> bool:
        return self.category.pays == HAZARD


@dataclass(frozen=True, slots=True)
class World:
    """One sub-district. `only`: the departments that are played, None for all; nothing is found that others would mend.

    `began`, by any clock that knows its offset: when the play begins, which `lasts` so long. Orders are routed by the time on the
    wall there and then, whatever hour of the simulated day it is; what changes hands meanwhile is not found.
    """

    reference: Reference
    subdistrict: str
    began: datetime
    only: frozenset[str] | None = None
    lasts: timedelta = PLAYED

    def spots(self) -> list[Spot]:
        """One in each micro-grid that has a shape, by code."""
        return sorted(self._spots(), key=lambda spot: spot.micro_grid)

    def subjects(self) -> list[Subject]:
        """All of them, by category and condition."""
        kinds = [self.reference.categories[key] for key in sorted(self.reference.categories)]
        return [Subject(kind, condition) for kind in kinds for condition in kind.conditions]

    def departments(self, subject: Subject, spot: Spot) -> tuple[str, ...]:
        """Who gets an order; empty if nobody does, or somebody who is not played, or somebody else before the play is over."""
        moments = [self.began + PLAYED * number for number in range(ceil(self.lasts / PLAYED))]
        first, *later = (self._routed(subject, spot, at) for at in (*moments, self.began + self.lasts))
        if any(found != first for found in later) or (self.only is not None and not self.only.issuperset(first)):
            return ()
        return first

    def locates(self, lng: float, lat: float) -> str | None:
        """The micro-grid there (WGS-84)."""
        found = self.reference.grid.locate(lng, lat)
        return found.micro_grid if found else None

    def _routed(self, subject: Subject, spot: Spot, at: datetime) -> tuple[str, ...]:
        local = at.astimezone(ZoneInfo(self.reference.subdistricts[self.subdistrict].zone)).replace(tzinfo=None)
        found = self.reference.route(subject.category.key, subject.condition.code, spot.micro_grid, local=local)
        return () if isinstance(found, RouteError) else found.departments

    def _spots(self) -> Iterator[Spot]:
        for code, shape in self.reference.grid.polygons.items():
            point = shape.representative_point()
            if code.startswith(self.subdistrict) and self.locates(point.x, point.y) == code:
                yield Spot(round(point.x, 6), round(point.y, 6), code)
