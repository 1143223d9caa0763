"""What stops the clock: a question to the reporter, parking, temporary safety. And how it goes on."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.dispatch.domain.incident import Happened, Incident, NotAllowed, StateChanged, move
from services.dispatch.domain.settling import Terms, settle
from services.dispatch.domain.states import State, Who

AT_MOST = timedelta(days=366)
"""Parked for a year at most; a leap year is one, too."""


def ask(incident: Incident, actor: str, at: datetime, question: str, terms: Terms) -> tuple[Incident, list[Happened]]:
    """Ask the reporter; until the answer no clock runs. Raises `NotAllowed`."""
    before = incident.state
    asked, changed = move(incident, State.NEEDS_INFO, Who.STAFF, actor, at, question)
    return replace(asked, back_to=before, decide_by=None), [changed]


def park(
    incident: Incident, actor: str, at: datetime, until: datetime, reason: str, terms: Terms
) -> tuple[Incident, list[Happened]]:
    """Put it aside until `until`, once in its life. Raises `NotAllowed`."""
    if incident.parked_before:
        raise NotAllowed("it was parked before: that is possible once")
    if not at < until <= at + AT_MOST:
        raise NotAllowed("until: must be within a year from now")
    before = incident.state
    parked, changed = move(incident, State.PARKED, Who.LEAD, actor, at, reason)
    parked = replace(parked, back_to=before, parked_until=until, parked_before=True, decide_by=None)
    return parked, [replace(changed, until=until)]


def come_back(
    incident: Incident, who: Who, actor: str, at: datetime, terms: Terms, reason: str | None = None
) -> tuple[Incident, list[Happened]]:
    """Go on where it was; what departments did meanwhile counts now. Raises `NotAllowed`."""
    if incident.state not in (State.NEEDS_INFO, State.PARKED):
        raise NotAllowed(f"the incident is {incident.state}: it waits for nothing")
    back, changed = move(incident, incident.back_to or State.TRIAGED, who, actor, at, reason)
    back = replace(back, back_to=None, parked_until=None)
    return settle(back, at, [changed])


def make_safe(
    incident: Incident, who: Who, actor: str, at: datetime, reason: str, terms: Terms
) -> tuple[Incident, StateChanged]:
    """Nobody is in danger any more: the emergency clock stops, the repair's runs. Raises `NotAllowed`."""
    if terms.repair is None:
        raise NotAllowed("this category has no temporary safety: it is done when it is repaired")
    return move(incident, State.TEMPORARY_SAFE, who, actor, at, reason)
