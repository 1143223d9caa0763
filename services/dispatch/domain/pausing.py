"""What stops the clock: a question to the reporter, parking, temporary safety. And how it goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from services.dispatch.domain import running
from services.dispatch.domain.clocks import Hours
from services.dispatch.domain.incident import Happened, Incident, NotAllowed, StateChanged, move
from services.dispatch.domain.settling import Terms, correct, settle
from services.dispatch.domain.states import State, Who

AT_MOST = timedelta(days=366)
"""Parked for a year at most; a leap year is one, too."""


def ask(incident: Incident, actor: str, at: datetime, question: str, hours: Hours) -> tuple[Incident, list[Happened]]:
    """Ask the reporter; until the answer no clock runs. Raises `NotAllowed`."""
    asked, changed = move(incident, State.NEEDS_INFO, Who.STAFF, actor, at, question)
    return replace(_standing(incident, asked, at, hours, actor, "needs_info"), decide_by=None), [changed]


def park(
    incident: Incident, actor: str, at: datetime, until: datetime, reason: str, hours: Hours
) -> tuple[Incident, list[Happened]]:
    """Put it aside until `until`, once in its life. Raises `NotAllowed`."""
    if any(pause.why == "parked" for pause in incident.pauses):
        raise NotAllowed("it was parked before: that is possible once")
    if not at < until <= at + AT_MOST:
        raise NotAllowed("until: must be within a year from now")
    parked, changed = move(incident, State.PARKED, Who.LEAD, actor, at, reason)
    stands = _standing(incident, parked, at, hours, actor, "parked", until)
    return replace(stands, decide_by=None), [replace(changed, until=until)]


def come_back(
    incident: Incident, who: Who, actor: str, at: datetime, hours: Hours, reason: str | None = None
) -> tuple[Incident, list[Happened]]:
    """Go on where it was; what departments did meanwhile counts now, and they learn their new deadlines.

    Raises `NotAllowed`.
    """
    if incident.pause is None:
        raise NotAllowed(f"the incident is {incident.state}: it waits for nothing")
    back, changed = move(incident, incident.pause.back_to, who, actor, at, reason)
    back = running.resume(back, at, hours, actor)
    return settle(back, at, [changed, *correct(back)])


def make_safe(
    incident: Incident, who: Who, actor: str, at: datetime, reason: str, terms: Terms
) -> tuple[Incident, StateChanged]:
    """Nobody is in danger any more: the emergency clock stops, the repair's runs. Raises `NotAllowed`."""
    if terms.repair is None:
        raise NotAllowed("this category has no temporary safety: it is done when it is repaired")
    safe, changed = move(incident, State.TEMPORARY_SAFE, who, actor, at, reason)
    return running.temporary_safe(safe, at, terms.repair, terms.hours, actor), changed


def _standing(
    before: Incident,
    after: Incident,
    at: datetime,
    hours: Hours,
    actor: str,
    why: Literal["needs_info", "parked"],
    ends: datetime | None = None,
) -> Incident:
    """`after` with its clocks standing, which remember that it came from the state of `before`."""
    stands = running.pause(replace(after, state=before.state), at, hours, actor, why, ends)
    return replace(stands, state=after.state)
