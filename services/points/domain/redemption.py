"""A redemption: points and a piece are held for 72 hours, then handed out at the desk, or both go back. One table of steps."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.errors import Conflict

HELD = timedelta(hours=72)
"""How long points and piece are held."""


class State(StrEnum):
    RESERVED = "reserved"
    PICKED_UP = "picked_up"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Do(StrEnum):
    """What may happen to it."""

    PICK_UP = "pick_up"
    CANCEL = "cancel"
    EXPIRE = "expire"


TABLE: dict[tuple[State, Do], State] = {
    (State.RESERVED, Do.PICK_UP): State.PICKED_UP,
    (State.RESERVED, Do.CANCEL): State.CANCELLED,
    (State.RESERVED, Do.EXPIRE): State.EXPIRED,
}
"""Every step there is; all others are refused."""


class NotOpen(Conflict):
    """It is over: handed out, cancelled or expired."""

    code = "redemption-over"


@dataclass(frozen=True, slots=True)
class Line:
    """What happened, when, by whom (`rider:…`, `staff:…`, `system:points`), and why if somebody said so."""

    state: State
    at: datetime
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """`fingerprint` tells a repeated request from another one under its key. `period` and `month`: which budget and which
    limit it counts in. `secret` makes tokens and the code that prove whose it is; it goes with the end. `wake_at`: when it
    expires by itself, None once it is over.
    """

    id: str
    subdistrict: str
    community: str
    rider: str
    home: str
    prize: str
    points: int
    fingerprint: str
    period: str
    month: str
    reference_version: str
    state: State
    reserved_at: datetime
    expires_at: datetime
    wake_at: datetime | None
    secret: str | None
    code: str | None
    lines: tuple[Line, ...]
    ended_at: datetime | None = None


def step(redemption: Redemption, do: Do, at: datetime, actor: str, reason: str = "") -> Redemption:
    """The redemption after it. Raises `NotOpen` where the table has no such step, or what is due is not yet or over."""
    state = TABLE.get((redemption.state, do))
    if state is None:
        raise NotOpen(f"the redemption is {redemption.state} already")
    if do is Do.PICK_UP and at >= redemption.expires_at:
        raise NotOpen("the redemption has expired; its points go back")
    if do is Do.EXPIRE and at < redemption.expires_at:
        raise NotOpen("the redemption has not expired yet")
    line = Line(state, at, actor, reason)
    return replace(
        redemption,
        state=state,
        wake_at=None,
        secret=None,
        code=None,
        ended_at=at,
        lines=(*redemption.lines, line),
    )
