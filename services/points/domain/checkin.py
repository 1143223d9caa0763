"""Checking in to a gathering: a code on staff's screen that changes every half minute, and what a scan of it is worth."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.points.domain.gathering import Gathering
from services.points.domain.member import Member
from shared.errors import Refused

STEP = timedelta(seconds=30)
"""How long a code is shown; it is good for one step more, for whoever scans it just then."""

CLOCK = timedelta(minutes=5)
"""How far the clock of a phone that was offline may be from the code that it scanned."""

_PREFIX = "q1"
_MAC_BYTES = 16


class How(StrEnum):
    """`code`: scanned in time. `late`: scanned without signal and sent later, which staff must confirm. `desk`: by staff."""

    CODE = "code"
    LATE = "late"
    DESK = "desk"


class Refusal(Refused):
    """A code that is not good here and now; `code` says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a code says: which gathering, and the number of the half minute in which it was shown."""

    gathering: str
    step: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Checkin:
    """That a rider was there. `at` is when he checked in; `paid`: points, None while staff have not confirmed a late one.
    `by`: the actor who confirmed or ticked."""

    id: str
    gathering: str
    subdistrict: str
    rider: str
    how: How
    at: datetime
    received_at: datetime
    paid: int | None = None
    by: str | None = None


def checkin_id(gathering: str, rider: str) -> str:
    """Once per rider and gathering."""
    return f"{gathering}:{rider}"


def step_of(at: datetime) -> int:
    """The number of the half minute since 1970."""
    return int(at.timestamp() // STEP.total_seconds())


def token(gathering: Gathering, step: int) -> str:
    """The text of the code that is shown in that half minute."""
    mac = base64.urlsafe_b64encode(_mac(gathering, step)).decode().rstrip("=")
    return f"{_PREFIX}.{gathering.id}.{step}.{mac}"


def good_until(step: int) -> datetime:
    """When a code of this step stops being good."""
    return datetime.fromtimestamp(0, UTC) + STEP * (step + 2)


def read(text: str) -> Token:
    """What a code says, not yet whether it is genuine. Raises `Refusal`."""
    try:
        prefix, gathering, step, mac = text.split(".")
        if prefix != _PREFIX or not (step.isascii() and step.isdigit() and len(step) <= 12):
            raise ValueError
        return Token(gathering, int(step), base64.b64decode(mac + "==", b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _forged() from None


def how(gathering: Gathering, shown: Token, received_at: datetime, scanned_at: datetime | None) -> How:
    """What a scan is worth that arrived at `received_at`; `scanned_at` is the phone's clock, if it was offline then.

    Raises `Refusal`: forged, expired, or outside the hours of the gathering.
    """
    if shown.gathering != gathering.id or not hmac.compare_digest(shown.mac, _mac(gathering, shown.step)):
        raise _forged()
    if gathering.state == "cancelled":
        raise Refusal("the gathering is cancelled", code="event-cancelled")
    age = step_of(received_at) - shown.step
    if age in (0, 1):
        _within_hours(gathering, received_at)
        return How.CODE
    when = datetime.fromtimestamp(0, UTC) + STEP * shown.step
    if scanned_at is None or age < 0 or abs(scanned_at - when) > CLOCK:
        raise Refusal("token: the code has changed; scan the one that is on the screen now", code="checkin-expired")
    _within_hours(gathering, when)
    return How.LATE


def invited(gathering: Gathering, rider: str, member: Member | None) -> bool:
    """Whether the rider is expected."""
    agenda = gathering.agenda
    of_squad = member is not None and member.squad in agenda.squads
    return agenda.welcomes_all or rider in agenda.invited or of_squad


def _within_hours(gathering: Gathering, at: datetime) -> None:
    if at < gathering.agenda.opens_at:
        raise Refusal(f"check-in opens at {gathering.agenda.opens_at.isoformat()}", code="event-not-open")
    if at >= gathering.agenda.ends_at:
        raise Refusal(f"the gathering ended at {gathering.agenda.ends_at.isoformat()}", code="event-over")


def _mac(gathering: Gathering, step: int) -> bytes:
    said = f"{_PREFIX}.{gathering.id}.{step}".encode()
    return hmac.digest(bytes.fromhex(gathering.secret), said, hashlib.sha256)[:_MAC_BYTES]


def _forged() -> Refusal:
    return Refusal("token: is no check-in code of ours", code="checkin-forged")
