"""Incidents whose category pays another activity: fixed, they are put before staff as an activity of who reported first."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from services.points.domain.activity import KINDS, OPEN, Activity
from services.points.domain.incident import Incident

_SUGGESTIONS = uuid.UUID("8f1e2a74-60cd-5d8b-9a35-4c7e1b90d2f8")

CountedAt = Callable[[str, datetime, datetime], datetime]
"""(sub-district, captured_at, received_at) -> the moment that counts."""


def suggestion_id(incident: str) -> str:
    """One per incident, for ever."""
    return str(uuid.uuid5(_SUGGESTIONS, incident))


def suggest(incident: Incident, known: Activity | None, counted_at: CountedAt) -> Activity | None:
    """The activity as the incident's facts now have it, in whatever order they came; None while there is none to be made.

    Only the first of the frozen order is put forward: who has seen it too has not helped yet. Once decided it stays.
    """
    resolved, community = incident.resolved, incident.community
    if known is not None:
        stays = known.state not in OPEN or community in (None, known.community)
        return known if stays else replace(known, community=community, grid=community or known.grid)
    if resolved is None or resolved.activity not in KINDS or not resolved.sightings:
        return None
    first = resolved.sightings[0]
    return Activity(
        id=suggestion_id(incident.id),
        fingerprint=incident.id,
        subdistrict=incident.subdistrict,
        rider=first.rider,
        kind=resolved.activity,
        captured_at=first.captured_at,
        received_at=first.received_at,
        at=counted_at(incident.subdistrict, first.captured_at, first.received_at),
        source=incident.id,
        grid=community or incident.subdistrict,
        community=community,
    )
