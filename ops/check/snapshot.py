"""Everything the rules look at, as plain data of one moment. `gather` fills it; tests make it by hand."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.records import Record
from services.dispatch.domain.incident import Incident as Dispatched
from services.intake.domain.report import Incident as Opened
from services.intake.domain.report import Report
from services.intake.domain.status import Status
from services.notify.domain.case import Case
from services.notify.domain.delivery import Delivery
from services.notify.domain.message import Message as Told
from services.notify.domain.message import Recipient
from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident as Paid
from services.points.domain.redemption import Redemption
from services.points.domain.stock import Movement, Stock
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import Headers, Message
from shared.contracts.event import EventData
from shared.contracts.topics import INCIDENT_REPORTED, topic_named

RETAINED = timedelta(days=INCIDENT_REPORTED.retention_days - 1)
"""What is older may have left its topic, so that its absence there proves nothing."""


@dataclass(frozen=True, slots=True)
class Event:
    """The first delivery of an event; further ones of the same (topic, source, id) are left out."""

    topic: str
    partition: int
    offset: int
    key: str
    message: Message

    @property
    def id(self) -> str:
        return self.message.envelope.id

    @property
    def data(self) -> EventData:
        return self.message.data

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def dedupe(self) -> str:
        """Its row in a consumer's inbox."""
        return f"{self.topic}|{self.message.envelope.source}|{self.id}"


@dataclass(frozen=True, slots=True)
class Root:
    """A document that events were put with: how many of them, by topic."""

    service: str
    key: str
    sequences: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row that was not published; `parked` says why it never can be."""

    service: str
    id: str
    topic: str
    key: str
    parked: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter in a service's database; `place` is topic/partition/offset."""

    service: str
    place: str
    key: bytes | None
    headers: Headers
    value: bytes
    state: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A key held by a failing delivery; `head` is where that stands."""

    service: str
    id: str
    state: str
    head: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`unplanned`: messages that nobody looked at yet. `sendings`: what goes out beside notify's inboxes. `removed_before`: by
    noun, what is older may have been removed by notify's retention. `inbox`: ids of received events by service.
    `deliveries`: every record of every topic but dead letters, `garbage` the places of those that cannot be read.
    `committed`: next offset by (service, topic, partition). `shortened`: the (topic, partition) that retention has cut.
    `narrowed`: some incidents alone."""

    taken_at: datetime
    reports: tuple[Report, ...] = ()
    opened: tuple[Opened, ...] = ()
    statuses: tuple[Status, ...] = ()
    dispatched: tuple[Dispatched, ...] = ()
    passbooks: tuple[Passbook, ...] = ()
    entries: tuple[Entry, ...] = ()
    paid: tuple[Paid, ...] = ()
    redemptions: tuple[Redemption, ...] = ()
    stocks: tuple[Stock, ...] = ()
    movements: tuple[Movement, ...] = ()
    cases: tuple[Case, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    messages: tuple[Told, ...] = ()
    unplanned: frozenset[str] = frozenset()
    sendings: tuple[Delivery, ...] = ()
    removed_before: Mapping[str, datetime] = field(default_factory=dict)
    roots: tuple[Root, ...] = ()
    inbox: Mapping[str, Set[str]] = field(default_factory=dict)
    outbox: tuple[Waiting, ...] = ()
    letters: tuple[Letter, ...] = ()
    held: tuple[Held, ...] = ()
    events: tuple[Event, ...] = ()
    deliveries: tuple[Record, ...] = ()
    garbage: frozenset[str] = frozenset()
    buried: tuple[DeadLetter, ...] = ()
    committed: Mapping[tuple[str, str, int], int] = field(default_factory=dict)
    shortened: frozenset[tuple[str, int]] = frozenset()
    narrowed: bool = False

    def of(self, topic: str) -> list[Event]:
        """First deliveries on one topic."""
        return [event for event in self.events if event.topic == topic]

    @property
    def whole(self) -> dict[str, Event]:
        """`incident-reported` by incident: the oldest event of each, so whatever else was said of it is there too."""
        return {event.key: event for event in self.of(INCIDENT_REPORTED.name)}

    @property
    def retained_from(self) -> datetime:
        """What happened since then must still be on its topic."""
        return self.taken_at - RETAINED

    def readers(self) -> dict[str, list[str]]:
        """Services that read each topic: declared as its readers, and they have begun to."""
        reading = {(service, topic) for service, topic, _ in self.committed}
        topics = {record.topic for record in self.deliveries}
        return {topic: [n for n in topic_named(topic).consumers if (n, topic) in reading] for topic in topics}

    def unsettled(self) -> list[str]:
        """What is still on its way, in words; empty when nothing moves."""
        on_the_way = [f"{row.service}: {row.id} waits in the outbox" for row in self.outbox if row.parked is None]
        on_the_way += [f"notify: {id_} was not looked at yet" for id_ in sorted(self.unplanned)]
        on_the_way += [f"{held.service}: {held.id} is tried again" for held in self.held if held.state == "retrying"]
        readers = self.readers()
        for record in self.deliveries:
            for service in readers[record.topic]:
                if self.committed.get((service, record.topic, record.partition), 0) <= record.offset:
                    on_the_way.append(f"{service}: {record.place} was not taken yet")
        return on_the_way


def incident_of(data: EventData) -> str | None:
    """The incident that an event is about. An order's id begins with its incident's."""
    incident: str | None = getattr(data, "incident", None)
    order: str | None = getattr(data, "order", None)
    return order.rpartition(".")[0] if incident is None and isinstance(order, str) else incident


def place_of(letter: DeadLetter) -> str:
    """Where the message of a record on a `.dlq` topic stood."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}"
