"""What a rider did beside reporting hazards: recorded by him, recommended by his captain, decided by staff."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Conflict, Forbidden

KINDS = ("home_visit", "help", "hardship", "volunteer")
"""The activities that people decide about. Hazards are paid by what becomes of them, meetings by having been there."""

FOR_CAPTAINS = frozenset({"help", "volunteer"})
"""What the captain of the rider's squad is asked to recommend."""

_ACTIVITIES = uuid.UUID("3b6f7d10-5a92-5c1e-8e47-b1d0c9a2f664")


class State(StrEnum):
    """Where a recorded activity is; `awaiting_second`: approved once, and it is worth so much that two must approve."""

    RECORDED = "recorded"
    RECOMMENDED = "recommended"
    AWAITING_SECOND = "awaiting_second"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Act(StrEnum):
    """What somebody does about it; `approve_first` is the first of two approvals."""

    RECORD = "record"
    RECOMMEND = "recommend"
    APPROVE_FIRST = "approve_first"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


OPEN = (State.RECORDED, State.RECOMMENDED, State.AWAITING_SECOND)
"""Waiting for staff."""

TABLE: Mapping[tuple[State, Act], State] = {
    (State.RECORDED, Act.RECOMMEND): State.RECOMMENDED,
    **{(state, Act.APPROVE_FIRST): State.AWAITING_SECOND for state in (State.RECORDED, State.RECOMMENDED)},
    **{(state, Act.APPROVE): State.APPROVED for state in OPEN},
    **{(state, Act.REJECT): State.REJECTED for state in OPEN},
    **{(state, Act.WITHDRAW): State.WITHDRAWN for state in (State.RECORDED, State.RECOMMENDED)},
}
"""Everything that can happen; what is not here is refused."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of its history. `actor` is `kind:id`."""

    at: datetime
    act: Act
    actor: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """`at` is the moment that counts for caps and for which rules hold, see `counted_at`. `grid` is a code of any level,
    `household` a code within its micro-grid, never a name; `text` has no telephone numbers in it. `community` None: whose it
    is is not known, every desk may look. `squad`: the rider's when it was recorded. `source`: the incident that it was opened
    for, None where the rider recorded it. `paid`: the points that the approval gave, None before.
    """

    id: str
    fingerprint: str
    subdistrict: str
    rider: str
    kind: str
    grid: str
    captured_at: datetime
    received_at: datetime
    at: datetime
    community: str | None = None
    squad: str | None = None
    household: str | None = None
    text: str = ""
    photo_ids: tuple[str, ...] = ()
    source: str | None = None
    state: State = State.RECORDED
    decided_at: datetime | None = None
    paid: int | None = None
    lines: tuple[Line, ...] = ()

    @property
    def first_approver(self) -> str | None:
        """Who gave the first of two approvals."""
        return next((line.actor for line in self.lines if line.act is Act.APPROVE_FIRST), None)


def activity_id(rider: str, client_key: str) -> str:
    """The same pair is the same activity for ever."""
    return str(uuid.uuid5(_ACTIVITIES, f"{rider}\n{client_key}"))


def counted_at(captured_at: datetime, received_at: datetime, trusted: timedelta) -> datetime:
    """The rider's time, if it is neither in the future nor more than `trusted` before receipt; else the server's."""
    return captured_at if received_at - trusted <= captured_at <= received_at else received_at


def happens(activity: Activity, act: Act, actor: str, at: datetime, reason: str | None = None) -> Activity:
    """The activity afterwards. Raises `Conflict` for what the table does not have, `Forbidden` for who may not do it."""
    state = TABLE.get((activity.state, act))
    if state is None:
        raise Conflict(f"it is {activity.state} by now", code=f"activity-{activity.state.replace('_', '-')}")
    _by_another(activity, act, actor)
    over = at if state not in OPEN else None
    line = Line(at, act, actor, reason)
    return replace(activity, state=state, decided_at=over, lines=(*activity.lines, line))


def _by_another(activity: Activity, act: Act, actor: str) -> None:
    """Nobody recommends, approves or rejects what he did himself, and two approvals are two people's."""
    own = actor.partition(":")[2] == activity.rider
    if own and act is not Act.WITHDRAW:
        raise Forbidden("nobody decides about what he did himself", code="own-activity")
    if not own and act is Act.WITHDRAW:
        raise Forbidden("only who recorded it takes it back")
    if act is Act.APPROVE and activity.first_approver == actor:
        raise Forbidden("the second approval is another person's", code="second-approver")


def approval(activity: Activity, *, needs_two: bool) -> Act:
    """Which approval this one is: where two are needed, the first only prepares it."""
    return Act.APPROVE_FIRST if needs_two and activity.first_approver is None else Act.APPROVE
