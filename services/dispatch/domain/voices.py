"""What reporters say after the first report. A comment changes no clock; "not fixed" opens it again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.dispatch.domain.ending import entered_at
from services.dispatch.domain.evidence import with_flag
from services.dispatch.domain.incident import Happened, Incident, Line, Note, Reporter, move_order, number
from services.dispatch.domain.pausing import come_back
from services.dispatch.domain.reopening import reopen
from services.dispatch.domain.reporters import with_reporters
from services.dispatch.domain.settling import Terms, correct
from services.dispatch.domain.states import OrderState, State, Who

APPEAL_WITHIN = timedelta(days=7)
DISPUTED = "disputed"
BROKEN_AGAIN = "broken_again"


@dataclass(frozen=True, slots=True)
class Voice:
    """One `report-updated`: `kind` is its word, `note` what was said, `reporter` the new observation if it is one."""

    kind: str
    note: Note
    emergency: bool = False
    reporter: Reporter | None = None

    @property
    def actor(self) -> str:
        """The rider, as history and events name him."""
        return f"rider:{self.note.rider}"


def hear(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    """The incident after it. Never refused: what has come too late is noted for staff."""
    if voice.reporter is not None:
        incident = with_reporters(incident, voice.reporter)
    heard = _noted(incident, voice, now)
    heard, happened = _KINDS[voice.kind](heard, voice, now, terms)
    return number(heard, happened)


def _noted(incident: Incident, voice: Voice, now: datetime) -> Incident:
    """One line of the history, which is for ever; his words stand in `notes`, where they can be forgotten."""
    ticked = " (emergency)" if voice.emergency else ""
    line = Line(now, voice.actor, f"{voice.kind}{ticked}")
    photos = tuple(dict.fromkeys((*incident.photo_ids, *voice.note.photo_ids)))
    return replace(incident, history=(*incident.history, line), notes=(*incident.notes, voice.note), photo_ids=photos)


def _only_noted(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    return incident, []


def _photos(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    """New photos are for whoever works on it."""
    return incident, [*correct(incident)] if voice.note.photo_ids else []


def _broken_again(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    if incident.state is State.RESOLVED:
        return _again(incident, voice, now, terms)
    if incident.state is State.CLOSED:
        return with_flag(incident, BROKEN_AGAIN), []
    return _photos(incident, voice, now, terms)


def _not_fixed(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    if incident.state is State.RESOLVED and voice.note.text:
        return _again(incident, voice, now, terms)
    return with_flag(incident, DISPUTED), []


def _again(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    if not incident.orders and incident.route is None:
        # he put it right himself and nobody else was ever asked: staff say who should
        return with_flag(incident, DISPUTED), []
    before = len(incident.history)
    said = voice.note.text or "又坏了 broken again"
    opened, happened = reopen(incident, Who.REPORTER, voice.actor, now, said, terms)
    lines = [replace(line, reason=f"{voice.kind}, in the notes") for line in opened.history[before:]]
    return replace(opened, history=(*opened.history[:before], *lines)), happened


def _info_given(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    happened: list[Happened] = []
    if incident.state is State.NEEDS_INFO:
        incident, happened = come_back(incident, Who.REPORTER, voice.actor, now, terms.hours)
    return incident, [*happened, *(correct(incident) if voice.note.photo_ids else [])]


def _fixed(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    for order in incident.orders:
        if order.cycle == incident.cycle and order.state is OrderState.DONE:
            incident = move_order(incident, order, OrderState.VERIFIED, voice.actor, now, "verified by a reporter")
    return incident, []


def _appealed(incident: Incident, voice: Voice, now: datetime, terms: Terms) -> tuple[Incident, list[Happened]]:
    in_time = incident.state is State.REJECTED and voice.note.at <= entered_at(incident) + APPEAL_WITHIN
    return (with_flag(incident, DISPUTED), []) if in_time else (incident, [])


_KINDS = {
    "joined": _photos,
    "broken_again": _broken_again,
    "photo_added": _photos,
    "comment": _only_noted,
    "info_given": _info_given,
    "says_fixed": _fixed,
    "says_not_fixed": _not_fixed,
    "appealed": _appealed,
}
