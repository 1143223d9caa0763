"""Meetings and trainings: when and where, who is invited, and until when one can check in."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.scope import Scope

Kind = Literal["meeting", "training"]
State = Literal["planned", "cancelled"]
LONGEST = timedelta(hours=16)
_GATHERINGS = uuid.UUID("d2a90b6e-7c31-5f48-a5e0-93b8417fc6d5")


@dataclass(frozen=True, slots=True)
class Agenda:
    """What staff decide about a gathering. `community` None: of the whole sub-district. `opens_at`: from when one can check
    in. `invited` accounts and `squads`: nobody named, everybody is welcome."""

    kind: Kind
    title: str
    place: str
    community: str | None
    opens_at: datetime
    starts_at: datetime
    ends_at: datetime
    invited: tuple[str, ...] = ()
    squads: tuple[str, ...] = ()

    @property
    def welcomes_all(self) -> bool:
        return not self.invited and not self.squads


@dataclass(frozen=True, slots=True)
class Gathering:
    """`fingerprint` tells a repeated request from another one under its key. `secret` (hex) is what check-in codes of this
    one gathering are made with; it is never shown."""

    id: str
    subdistrict: str
    fingerprint: str
    secret: str
    agenda: Agenda
    made_at: datetime
    state: State = "planned"


def gathering_id(principal: str, client_key: str) -> str:
    """The same pair is the same gathering for ever."""
    return str(uuid.uuid5(_GATHERINGS, f"{principal}\n{client_key}"))


def check(agenda: Agenda) -> None:
    """Raises `Invalid` naming every field that does not fit the others."""
    errors = []
    if agenda.ends_at <= agenda.starts_at:
        errors.append(FieldError("ends_at", "is not after starts_at"))
    elif agenda.ends_at - agenda.starts_at > LONGEST:
        errors.append(FieldError("ends_at", "is more than 16 hours after starts_at"))
    if agenda.opens_at > agenda.starts_at:
        errors.append(FieldError("opens_at", "is after starts_at"))
    elif agenda.starts_at - agenda.opens_at > LONGEST:
        errors.append(FieldError("opens_at", "is more than 16 hours before starts_at"))
    if errors:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in errors), *errors)


def may_hold(scope: Scope, subdistrict: str, community: str | None) -> None:
    """Raises `Forbidden` where that is not the caller's to decide about."""
    here = community is None or community.startswith(scope.subdistrict)
    mine = here and (not scope.communities or community in scope.communities)
    if not (scope.desk and mine and subdistrict == scope.subdistrict):
        raise Forbidden("community: is none of yours")


def change(gathering: Gathering, agenda: Agenda) -> Gathering:
    """With another agenda. Raises `Conflict` if it is cancelled, or if its kind changes, which people were paid by."""
    _still_on(gathering)
    if agenda.kind != gathering.agenda.kind:
        raise Conflict("kind: a meeting is no training; cancel it and make another one")
    return replace(gathering, agenda=agenda)


def cancel(gathering: Gathering) -> Gathering:
    """It does not take place. Raises `Conflict` if it was cancelled already."""
    _still_on(gathering)
    return replace(gathering, state="cancelled")


def _still_on(gathering: Gathering) -> None:
    if gathering.state == "cancelled":
        raise Conflict("the gathering is cancelled", code="event-cancelled")
