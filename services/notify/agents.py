"""What notify listens to: topic -> the command that carries the event out."""

from collections.abc import Callable, Mapping
from typing import Any

from services.notify import events
from services.notify.captains import HearOfActivity
from services.notify.domain.case import Heard
from services.notify.handlers import HearOfIncident, HearOfPassbook
from services.notify.ports import Books, Names
from shared.contracts.envelope import Message
from shared.contracts.topics import (
    ACTIVITY_DECIDED,
    ACTIVITY_RECORDED,
    INCIDENT_CHANGED,
    INCIDENT_REPORTED,
    INCIDENT_RESOLVED,
    POINTS_ADJUSTED,
    POINTS_AWARDED,
    REPORT_UPDATED,
)
from shared.mongo.inbox import Handle
from shared.mongo.work import Command

READERS: Mapping[str, Callable[[Message, Names], Heard]] = {
    INCIDENT_REPORTED.name: events.reported,
    REPORT_UPDATED.name: events.updated,
    INCIDENT_CHANGED.name: events.changed,
    INCIDENT_RESOLVED.name: events.resolved,
    POINTS_AWARDED.name: events.awarded,
    POINTS_ADJUSTED.name: events.adjusted,
    ACTIVITY_DECIDED.name: events.decided,
    ACTIVITY_RECORDED.name: events.recorded,
}


def handlers(books: Books, names: Names) -> Mapping[str, Handle]:
    """One entry a topic; `shared.kafka.agents.Consumer` does the rest."""
    return {topic: _handle(read, books, names) for topic, read in READERS.items()}


def _handle(read: Callable[[Message, Names], Heard], books: Books, names: Names) -> Handle:
    def handle(message: Message) -> Command[Any]:
        heard = read(message, names)
        if heard.entry.of_case and heard.incident is not None:
            return HearOfIncident(books, heard, heard.incident, names.version)
        if heard.topic == ACTIVITY_RECORDED.name:
            return HearOfActivity(books, heard, names.version)
        return HearOfPassbook(books, heard, names.version)

    return handle
