"""The state tables. Whatever is not in a table cannot happen; tests walk them."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an incident is."""

    REPORTED = "reported"
    TRIAGED = "triaged"
    NEEDS_INFO = "needs_info"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    TEMPORARY_SAFE = "temporary_safe"
    PARKED = "parked"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    CLOSED_NO_ACTION = "closed_no_action"


OVER = (State.CLOSED, State.DUPLICATE, State.REJECTED, State.CLOSED_NO_ACTION)
"""Nobody has to do anything any more. A resolved incident may still be found broken again."""


class OrderState(StrEnum):
    """Where one department's work order is."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    WORKING = "working"
    DONE = "done"
    VERIFIED = "verified"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Who(StrEnum):
    """Who may cause a transition."""

    SYSTEM = "system"
    STAFF = "staff"
    DEPARTMENT = "department"
    REPORTER = "reporter"
    LEAD = "lead"


S, W = State, Who


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: from any of `sources` to `target`, by any of `who`; `reason` says whether one must be given."""

    sources: frozenset[State]
    target: State
    who: frozenset[Who]
    reason: bool
    because: str


def _row(sources: tuple[State, ...], target: State, who: tuple[Who, ...], *, reason: bool, because: str) -> Transition:
    return Transition(frozenset(sources), target, frozenset(who), reason, because)


_OPEN = (S.REPORTED, S.TRIAGED, S.NEEDS_INFO, S.DISPATCHED, S.IN_PROGRESS, S.TEMPORARY_SAFE, S.PARKED)

TRANSITIONS: tuple[Transition, ...] = (
    _row((S.REPORTED,), S.TRIAGED, (W.SYSTEM, W.STAFF), reason=False, because="a rule or a person has looked at it"),
    _row(
        (S.REPORTED, S.TRIAGED),
        S.DISPATCHED,
        (W.SYSTEM, W.STAFF),
        reason=False,
        because="at least one department has been asked",
    ),
    _row((S.DISPATCHED,), S.IN_PROGRESS, (W.DEPARTMENT,), reason=False, because="the first order was accepted"),
    _row(
        (S.TRIAGED, S.DISPATCHED, S.IN_PROGRESS),
        S.NEEDS_INFO,
        (W.STAFF,),
        reason=True,
        because="the question to the reporter is the reason; the clock pauses",
    ),
    _row((S.NEEDS_INFO,), S.TRIAGED, (W.REPORTER, W.STAFF), reason=False, because="back to where it was: answered"),
    _row((S.NEEDS_INFO,), S.DISPATCHED, (W.REPORTER, W.STAFF), reason=False, because="back to where it was: answered"),
    _row((S.NEEDS_INFO,), S.IN_PROGRESS, (W.REPORTER, W.STAFF), reason=False, because="back to where it was: answered"),
    _row(
        (S.DISPATCHED, S.IN_PROGRESS),
        S.TEMPORARY_SAFE,
        (W.DEPARTMENT, W.STAFF),
        reason=True,
        because="nobody is in danger now; the emergency clock stops, the repair clock runs",
    ),
    _row(
        (S.DISPATCHED, S.IN_PROGRESS, S.TEMPORARY_SAFE),
        S.RESOLVED,
        (W.SYSTEM,),
        reason=False,
        because="no order is open and at least one of this cycle is done",
    ),
    _row((S.REPORTED, S.TRIAGED), S.RESOLVED, (W.STAFF,), reason=True, because="self_fixed: the rider put it right"),
    _row((S.RESOLVED,), S.CLOSED, (W.SYSTEM,), reason=False, because="7 days without an objection"),
    _row(
        (S.RESOLVED,),
        S.DISPATCHED,
        (W.REPORTER, W.STAFF),
        reason=True,
        because="reopened: not fixed; a new cycle begins",
    ),
    _row((S.CLOSED,), S.DISPATCHED, (W.STAFF,), reason=True, because="reopened late, by staff only"),
    _row(
        (S.DISPATCHED, S.IN_PROGRESS),
        S.TRIAGED,
        (W.SYSTEM,),
        reason=False,
        because="every order came back: decide again",
    ),
    _row((S.REPORTED, S.TRIAGED), S.DUPLICATE, (W.STAFF,), reason=True, because="points to the main incident"),
    _row(
        (S.REPORTED, S.TRIAGED, S.NEEDS_INFO, S.DISPATCHED),
        S.REJECTED,
        (W.STAFF,),
        reason=True,
        because="nothing to act on; the reporter may appeal",
    ),
    _row((S.REJECTED,), S.TRIAGED, (W.STAFF,), reason=True, because="the appeal was won"),
    _row(_OPEN, S.CLOSED_NO_ACTION, (W.STAFF,), reason=True, because="nothing will be done; never counts as resolved"),
    _row((S.NEEDS_INFO,), S.CLOSED_NO_ACTION, (W.SYSTEM,), reason=True, because="no answer for 7 days"),
    _row(
        (S.TRIAGED, S.DISPATCHED, S.IN_PROGRESS),
        S.PARKED,
        (W.LEAD,),
        reason=True,
        because="cannot be finished now; once, with an end date",
    ),
    _row(
        (S.PARKED,), S.TRIAGED, (W.SYSTEM, W.LEAD), reason=False, because="the end date has come: back to where it was"
    ),
    _row((S.PARKED,), S.DISPATCHED, (W.SYSTEM, W.LEAD), reason=False, because="the end date has come"),
    _row((S.PARKED,), S.IN_PROGRESS, (W.SYSTEM, W.LEAD), reason=False, because="the end date has come"),
)

O = OrderState  # noqa: E741 - reads as the table it abbreviates

ORDER_TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    # offered -> done is allowed and implies accepted: some departments only answer when they are back
    O.OFFERED: frozenset({O.ACCEPTED, O.DONE, O.RETURNED, O.WITHDRAWN}),
    O.ACCEPTED: frozenset({O.WORKING, O.DONE, O.RETURNED, O.WITHDRAWN}),
    O.WORKING: frozenset({O.DONE, O.RETURNED, O.WITHDRAWN}),
    O.DONE: frozenset({O.VERIFIED}),
    O.VERIFIED: frozenset(),
    O.RETURNED: frozenset(),
    O.WITHDRAWN: frozenset(),
}

OPEN_ORDERS = frozenset({O.OFFERED, O.ACCEPTED, O.WORKING})
FINISHED_ORDERS = frozenset({O.DONE, O.VERIFIED})


def find_transition(source: State, target: State, who: Who) -> Transition | None:
    """The row that allows it, or None."""
    for row in TRANSITIONS:
        if source in row.sources and target is row.target and who in row.who:
            return row
    return None
