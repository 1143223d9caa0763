"""A visit of a round: a household by its code, never by a name."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

_VISITS = uuid.UUID("a8d2f4b6-3c1e-5f70-8b92-4d6e1c0a7f35")
_DAYS = uuid.UUID("d17c9e08-5b2a-5c46-9f13-7a0b6e4d2c81")


@dataclass(frozen=True, slots=True)
class Visit:
    """`at` is the moment that counts: the rider's clock where it can be believed, else the server's."""

    id: str
    client_key: str
    fingerprint: str
    subdistrict: str
    campaign: str
    rider: str
    micro_grid: str
    household: str
    answers: dict[str, str]
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    at: datetime
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitDay:
    """That this rider has been at this household for this campaign on this day, and which visit says so."""

    id: str
    visit: str
    at: datetime


def visit_id(rider: str, client_key: str) -> str:
    """The same pair is the same visit for ever."""
    return str(uuid.uuid5(_VISITS, f"{rider}\n{client_key}"))


def day_id(visit: Visit, zone: ZoneInfo) -> str:
    """The same for every visit that counts as this one, by the calendar of `zone`."""
    day = visit.at.astimezone(zone).date().isoformat()
    return str(uuid.uuid5(_DAYS, "\n".join((visit.campaign, visit.micro_grid, visit.household, visit.rider, day))))
