"""Whether a photo that proves the work fits the incident. What does not fit is for people to look at."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.dispatch.domain.incident import Incident, Line, Order
from shared.geo import crs

NEAR_METRES = 200.0
CLOCK = timedelta(minutes=2)
"""A camera's clock may be that far behind when it shows a moment before the offer."""

MISMATCH = "evidence_mismatch"


@dataclass(frozen=True, slots=True)
class Proof:
    """A photo with a verified receipt. `at` is when the camera says it was taken, `place` where (WGS-84 lng, lat)."""

    photo: str
    taken_at: datetime | None
    place: tuple[float, float] | None


def mismatch(incident: Incident, order: Order, proofs: list[Proof]) -> str | None:
    """What does not fit, in words for staff; None if everything fits or nothing is known."""
    found = [reason for proof in proofs for reason in _reasons(incident, order, proof)]
    return "; ".join(found) or None


def _reasons(incident: Incident, order: Order, proof: Proof) -> list[str]:
    found = []
    if proof.place is not None:
        here = incident.place["wgs84"]
        metres = crs.distance_m((here["lng"], here["lat"]), proof.place)
        if metres > NEAR_METRES:
            found.append(f"photo {proof.photo} was taken {metres:.0f} m away")
    if proof.taken_at is not None and proof.taken_at < order.offered_at - CLOCK:
        found.append(f"photo {proof.photo} was taken at {proof.taken_at.isoformat()}, before the offer")
    return found


def flagged(incident: Incident, reason: str | None, at: datetime) -> Incident:
    """The incident with the flag and a line that says why, unless there is nothing to say."""
    if reason is None:
        return incident
    line = Line(at, "system:dispatch", MISMATCH, reason)
    return replace(with_flag(incident, MISMATCH), history=(*incident.history, line))


def with_flag(incident: Incident, flag: str) -> Incident:
    """The incident with that flag, once."""
    return incident if flag in incident.flags else replace(incident, flags=(*incident.flags, flag))


def without_flag(incident: Incident, flag: str) -> Incident:
    """The incident without that flag."""
    return replace(incident, flags=tuple(one for one in incident.flags if one != flag))
