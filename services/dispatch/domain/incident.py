"""The incident with its work orders: one aggregate, because every change of an order is a change of its incident."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.ladder import Clock, Fired, Pause, Repair
from services.dispatch.domain.states import (
    FINISHED_ORDERS,
    OPEN_ORDERS,
    ORDER_TRANSITIONS,
    OrderState,
    State,
    Who,
    find_transition,
)


class NotAllowed(Exception):
    """The table has no such transition. The text is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """One observation of the incident. They are kept as they arrived; `domain/reporters.py` puts them in the order that pays.

    `place` (the contract's, as plain data) and `photo_ids` are a later reporter's own; the first one's are the incident's.
    `entered_by`: the account of staff who wrote it down for him.
    """

    rider: str
    report: str
    captured_at: datetime
    received_at: datetime
    place: dict[str, Any] | None = None
    photo_ids: tuple[str, ...] = ()
    entered_by: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What a reporter said later, in his words; `kind` is a word of `report-updated`."""

    at: datetime
    rider: str
    report: str
    kind: str
    text: str = ""
    photo_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreign:
    """The case as another house keeps it, such as 12345: its number there, and by when it wants to be answered."""

    to: str
    number: str
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Appeal:
    """A department's against its deadline. `granted` null: it waits for the lead; `answer`: his reason."""

    at: datetime
    reason: str
    granted: bool | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One department's work order. `seq` numbers what this department was told about it.

    `due_at` is where the deadline stands on the clock that runs now, and while that stands, where it last was. `safe_at`: when
    the emergency clock was stopped, which had until `safe_by`; since then the repair clock runs. `fired`: levels of the ladder.
    """

    id: str
    department: str
    state: OrderState
    cycle: int
    offered_at: datetime
    accept_by: datetime
    due_at: datetime
    calendar_unconfirmed: bool
    seq: int = 0
    accepted_at: datetime | None = None
    done_at: datetime | None = None
    reason: str | None = None
    suggested_department: str | None = None
    extension_asked_until: datetime | None = None
    evidence: tuple[str, ...] = ()
    excused: str | None = None
    """Why its deadline does not count in the figures, once the lead has granted the appeal."""
    clock: Clock | None = None
    fired: tuple[Fired, ...] = ()
    safe_at: datetime | None = None
    safe_by: datetime | None = None
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What routing rules look at, by the moment `at` at which it is routed. `place` is the micro-grid.

    `priority` is the final class, None: the condition's own. `answers`: the reporter's, choices by question.
    """

    category: dict[str, str]
    condition: str | None
    priority: Priority | None
    place: str
    at: datetime
    answers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Why these departments: the rule that decided and the reference data it came from.

    `asked`: what the rules were asked, None where people chose, or of old.
    """

    departments: tuple[str, ...]
    rule: str
    reference_version: str
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history: never changed, never removed."""

    at: datetime
    actor: str
    what: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """The thing in the world. `place` is the contract's place as plain data; `t0` is where this cycle's clock starts.

    `pauses`: when its clocks stood, the last one open while they stand. `repair`: this cycle's repair clock, once it is
    temporarily safe. `decide_by`: until when staff must have decided about a second return. `foreign_due_at`: the deadline of a
    system outside that has it too. `fired`: what was escalated of the incident itself.

    `reference_version` is the reference data by which it was received: its class, and why nobody could be named if so. Each
    route names its own. `main` is the incident that this one is a duplicate of. `answers`: the first reporter's, to questions
    of the category as he reported it; `after_photo_ids`: how it looks since he put it right himself.
    """

    id: str
    subdistrict: str
    code: str
    category: dict[str, str]
    condition: str | None
    priority: Priority
    place: dict[str, Any]
    text: str
    interim_measures: str | None
    photo_ids: tuple[str, ...]
    photo_required: bool
    reporters: tuple[Reporter, ...]
    state: State
    cycle: int
    t0: datetime
    route: Route | None = None
    orders: tuple[Order, ...] = ()
    history: tuple[Line, ...] = ()
    flags: tuple[str, ...] = ()
    resolved_at: datetime | None = None
    reference_version: str = ""
    main: str | None = None
    foreign: Foreign | None = None
    notes: tuple[Note, ...] = ()
    pauses: tuple[Pause, ...] = ()
    repair: Repair | None = None
    decide_by: datetime | None = None
    foreign_due_at: datetime | None = None
    fired: tuple[Fired, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    after_photo_ids: tuple[str, ...] = ()

    @property
    def shown_photos(self) -> tuple[str, ...]:
        """How it was and, where the rider put it right himself, how it looks since."""
        return self.photo_ids + self.after_photo_ids

    def order(self, order_id: str) -> Order | None:
        """The order of that id, in whatever state."""
        return next((order for order in self.orders if order.id == order_id), None)

    @property
    def pause(self) -> Pause | None:
        """Why its clocks stand, None while they run."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].over_at is None else None

    @property
    def community(self) -> str | None:
        """Code of the community it lies in, None while the place is uncertain."""
        path: dict[str, str] | None = self.place.get("grid")
        return path["community"] if path else None


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The incident went from one state to another. `until` is the end of `parked`, `photo_ids` prove `temporary_safe`."""

    before: State
    after: State
    reason: str | None = None
    until: datetime | None = None
    photo_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceChanged:
    """Staff have put it where it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class CategoryChanged:
    """Staff have said what it is, and of which class."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReportsMoved:
    """`reports` belong to incident `other` from now on; `merged`: with all of this one, which is a duplicate of it."""

    other: str
    reports: tuple[str, ...]
    merged: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Something happened to an order; `kind` is the contract's word: offered, accepted, returned, extension, done, withdrawn."""

    kind: str
    order: str
    reason: str | None = None
    until: datetime | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A department is told about its order; `kind` is offer, ack, withdraw, … `seq` is given by `number`."""

    kind: str
    order: str
    update_id: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    seq: int = 0
    level: str | None = None
    late_start: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """The incident is fixed in this cycle; `how` is `department` or `self_fixed`."""

    how: str = "department"


@dataclass(frozen=True, slots=True)
class Reminded:
    """Half of an order's time is over."""

    order: str
    late_start: bool = False


@dataclass(frozen=True, slots=True)
class Escalated:
    """Somebody higher up must know: of an order, or of the incident itself (then `reason` says what was waited for)."""

    level: str
    order: str | None = None
    reason: str | None = None
    late_start: bool = False


Happened = (
    StateChanged | PlaceChanged | CategoryChanged | ReportsMoved | OrderChanged | Told | Resolved | Reminded | Escalated
)


def move(
    incident: Incident, target: State, who: Who, actor: str, at: datetime, reason: str | None = None
) -> tuple[Incident, StateChanged]:
    """Take one transition of the table, with its line of history. Raises `NotAllowed`."""
    row = find_transition(incident.state, target, who)
    if row is None:
        raise NotAllowed(f"{incident.state} -> {target} is not for {who}")
    if row.reason and not reason:
        raise NotAllowed(f"{incident.state} -> {target} needs a reason")
    line = Line(at, actor, f"{incident.state} -> {target}", reason)
    moved = replace(incident, state=target, history=(*incident.history, line))
    return moved, StateChanged(incident.state, target, reason)


def with_order(incident: Incident, order: Order) -> Incident:
    """The incident with this order added, or in place of the one of the same id."""
    if incident.order(order.id) is None:
        return replace(incident, orders=(*incident.orders, order))
    return replace(incident, orders=tuple(order if old.id == order.id else old for old in incident.orders))


def move_order(
    incident: Incident, order: Order, target: OrderState, actor: str, at: datetime, what: str, **changes: Any
) -> Incident:
    """Take one transition of the order's table. Raises `NotAllowed`."""
    if target not in ORDER_TRANSITIONS[order.state]:
        raise NotAllowed(f"the order is {order.state} and cannot become {target}")
    moved = replace(order, state=target, **changes)
    line = Line(at, actor, f"order {order.id} {what}", changes.get("reason"))
    return replace(with_order(incident, moved), history=(*incident.history, line))


def number(incident: Incident, happened: list[Happened]) -> tuple[Incident, list[Happened]]:
    """Count what each department is told about its order: 1, 2, 3 … without a gap."""
    numbered: list[Happened] = []
    for event in happened:
        if isinstance(event, Told):
            order = incident.order(event.order)
            assert order is not None  # only orders of this incident are told about
            incident = with_order(incident, replace(order, seq=order.seq + 1))
            numbered.append(replace(event, seq=order.seq + 1))
        else:
            numbered.append(event)
    return incident, numbered


def is_resolved(incident: Incident) -> bool:
    """No order is open and at least one of this cycle is done."""
    of_cycle = [order for order in incident.orders if order.cycle == incident.cycle]
    return not any(o.state in OPEN_ORDERS for o in incident.orders) and any(
        o.state in FINISHED_ORDERS for o in of_cycle
    )


def all_came_back(incident: Incident) -> bool:
    """Every order of this cycle was returned or withdrawn."""
    of_cycle = [order for order in incident.orders if order.cycle == incident.cycle]
    return all(order.state in (OrderState.RETURNED, OrderState.WITHDRAWN) for order in of_cycle)
