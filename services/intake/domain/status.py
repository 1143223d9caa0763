"""What became of an incident, copied from the events of dispatch and points: the view that riders and departments look at.

It is a projection: dropped, it comes back whole from the retained topics. Each topic arrives in order, the topics in any
order between each other.
"""

from dataclasses import dataclass, replace
from datetime import datetime

OVER = ["closed", "closed_no_action", "rejected", "duplicate"]
"""The states in which nobody has to do anything any more. A resolved incident may still be found broken again."""


@dataclass(frozen=True, slots=True)
class OrderView:
    """A work order: enough to say which department may see the photos and what the rider reads."""

    order: str
    department: str
    state: str


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. `what` is a state of the incident, or `order_…` with its department."""

    at: datetime
    what: str
    department: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PointsLine:
    """One ledger entry of one rider for this incident; `kind` is pending, posted or void, `reason` and `rule` say why."""

    entry: str
    rider: str
    kind: str
    points: int
    reason: str
    rule: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Fixed:
    """It was fixed in this cycle; `on_time` is None where nobody had a deadline."""

    cycle: int
    at: datetime
    on_time: bool | None


@dataclass(frozen=True, slots=True)
class Status:
    """State, orders, timeline, after-photos, repairs and points of one incident. `seen` is the last sequence number of
    `incident-changed`. `point` (WGS-84) and `category` are what staff corrected them to, None if they have not."""

    id: str
    state: str = "reported"
    seen: int = 0
    orders: tuple[OrderView, ...] = ()
    steps: tuple[Step, ...] = ()
    after_photos: tuple[str, ...] = ()
    fixed: tuple[Fixed, ...] = ()
    points: tuple[PointsLine, ...] = ()
    point: tuple[float, float] | None = None
    category: dict[str, str] | None = None


def follow(
    status: Status, sequence: int, step: Step, state: str | None, order: OrderView | None, photos: tuple[str, ...]
) -> Status:
    """Add one of dispatch's changes. `sequence` counts them per incident; one not higher than the last is old news."""
    if sequence <= status.seen:
        return status
    others = tuple(view for view in status.orders if order is None or view.order != order.order)
    return replace(
        status,
        state=state or status.state,
        seen=sequence,
        orders=others if order is None else (*others, order),
        steps=(*status.steps, step),
        after_photos=tuple(dict.fromkeys((*status.after_photos, *photos))),
    )


def correct(
    before: Status, after: Status, point: tuple[float, float] | None, category: dict[str, str] | None
) -> Status:
    """`after` with what was corrected by the change that made it of `before`; old news corrects nothing."""
    if after.seen == before.seen:
        return after
    return replace(after, point=point or after.point, category=category or after.category)


def note_fixed(status: Status, fixed: Fixed) -> Status:
    """Add one repair; the same cycle again changes nothing."""
    if any(known.cycle == fixed.cycle for known in status.fixed):
        return status
    return replace(status, fixed=(*status.fixed, fixed))


def credit(status: Status, line: PointsLine) -> Status:
    """Add one ledger entry; the same entry again changes nothing."""
    if any(known.entry == line.entry for known in status.points):
        return status
    return replace(status, points=(*status.points, line))


def points_of(status: Status, rider: str) -> PointsLine | None:
    """Where the rider's award stands: posted for good once it is, else the latest of pending and void."""
    lines = [line for line in status.points if line.rider == rider]
    posted = [line for line in lines if line.kind == "posted"]
    found = posted or lines
    return found[-1] if found else None
