"""One class per command or event: `reads` names what it looks at, `decide` is the whole transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.status import Fixed, OrderView, PointsLine, Status, Step, credit, follow, note_fixed
from services.intake.ports import Statuses
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class FollowIncident:
    """Copy what dispatch says of an incident, so that its rider sees every step and a department its photos."""

    statuses: Statuses
    change: IncidentChanged
    sequence: int
    at: datetime

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.change.incident)]

    def decide(self, work: Work) -> None:
        change, order = self.change, self.change.order
        status = self.statuses.get(work, change.incident) or Status(change.incident)
        view = OrderView(order.id, order.department, order.state) if order else None
        step = Step(self.at, change.to_state or change.kind, order.department if order else None, change.reason)
        followed = follow(status, self.sequence, step, change.to_state, view, change.photo_ids)
        self.statuses.put(work, followed)


@dataclass(frozen=True, slots=True)
class FollowResolved:
    """Note that an incident is fixed: when, and whether in time."""

    statuses: Statuses
    resolved: IncidentResolved

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.resolved.incident)]

    def decide(self, work: Work) -> None:
        resolved = self.resolved
        status = self.statuses.get(work, resolved.incident) or Status(resolved.incident)
        fixed = Fixed(resolved.cycle, resolved.resolved_at, resolved.on_time)
        self.statuses.put(work, note_fixed(status, fixed))


@dataclass(frozen=True, slots=True)
class FollowPoints:
    """Copy what the passbook says of an incident, so that its rider sees the points and why."""

    statuses: Statuses
    incident: str
    line: PointsLine

    def reads(self) -> Iterable[Ref]:
        return [self.statuses.ref(self.incident)]

    def decide(self, work: Work) -> None:
        status = self.statuses.get(work, self.incident) or Status(self.incident)
        self.statuses.put(work, credit(status, self.line))


@dataclass(frozen=True, slots=True)
class Nothing:
    """For an event that intake hears and has no use for, such as points that no report earned."""

    def reads(self) -> Iterable[Ref]:
        return []

    def decide(self, work: Work) -> None:
        return None
