"""Everything the rules look at, as plain data of one moment. `gather` fills it; tests make it by hand."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ops.look import Record
from services.dispatch.domain.incident import Incident as Dispatched
from services.intake.domain.report import Incident as Opened
from services.intake.domain.report import Report
from services.intake.domain.status import Status
from services.notify.domain.case import Case
from services.notify.domain.message import Message as Told
from services.notify.domain.message import Recipient
from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident as Paid
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import Headers, Message
from shared.contracts.event import EventData
from shared.contracts.topics import INCIDENT_REPORTED, POINTS_ADJUSTED, POINTS_AWARDED, topic_named

RETAINED = timedelta(days=INCIDENT_REPORTED.retention_days - 1)
"""What is older may have left its topic, so that its absence there proves nothing."""

_OF_RIDERS = (POINTS_AWARDED.name, POINTS_ADJUSTED.name)


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
    """`inbox`: ids of received events by service. `deliveries`: every record of every topic but dead letters, `garbage`
    the places of those that cannot be read. `committed`: next offset by (service, topic, partition). `shortened`: the
    (topic, partition) that retention has cut. `narrowed`: made by `about`."""

    taken_at: datetime
    reports: tuple[Report, ...] = ()
    opened: tuple[Opened, ...] = ()
    statuses: tuple[Status, ...] = ()
    dispatched: tuple[Dispatched, ...] = ()
    passbooks: tuple[Passbook, ...] = ()
    entries: tuple[Entry, ...] = ()
    paid: tuple[Paid, ...] = ()
    cases: tuple[Case, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    messages: tuple[Told, ...] = ()
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

    def consumers(self, topic: str) -> list[str]:
        """Services that read a topic: declared as its readers, and they have begun to."""
        reading = {(service, name) for service, name, _ in self.committed}
        return [name for name in topic_named(topic).consumers if (name, topic) in reading]

    def unsettled(self) -> list[str]:
        """What is still on its way, in words; empty when nothing moves."""
        on_the_way = [f"{row.service}: {row.id} waits in the outbox" for row in self.outbox if row.parked is None]
        on_the_way += [f"{held.service}: {held.id} is tried again" for held in self.held if held.state == "retrying"]
        for record in self.deliveries:
            for service in self.consumers(record.topic):
                if self.committed.get((service, record.topic, record.partition), 0) <= record.offset:
                    on_the_way.append(f"{service}: {record.place} was not taken yet")
        return on_the_way

    def about(self, incidents: Iterable[str]) -> "Snapshot":
        """What concerns these incidents; of their riders the whole passbook, of those told the whole inbox."""
        ids = frozenset(incidents)
        riders = {report.rider for report in self.reports if report.incident in ids}
        riders |= {sighting.rider for paid in self.paid if paid.id in ids for sighting in paid.sightings}
        books = tuple(book for book in self.passbooks if book.id in riders)
        accounts = {book.account for book in books}
        inboxes = {copy.audience for told in self.messages if told.incident in ids for copy in told.to}
        deliveries = tuple(record for record in self.deliveries if _of_key(record.key, ids))
        places = {record.place for record in deliveries}
        letters = tuple(one for one in self.letters if one.place in places or _of_key(one.key, ids))
        places |= {letter.place for letter in letters}
        return replace(
            self,
            reports=tuple(report for report in self.reports if report.incident in ids),
            opened=tuple(opened for opened in self.opened if opened.id in ids),
            statuses=tuple(status for status in self.statuses if status.id in ids),
            dispatched=tuple(incident for incident in self.dispatched if incident.id in ids),
            passbooks=books,
            entries=tuple(entry for entry in self.entries if entry.account in accounts),
            paid=tuple(paid for paid in self.paid if paid.id in ids),
            cases=tuple(case for case in self.cases if case.id in ids),
            recipients=tuple(inbox for inbox in self.recipients if inbox.id in inboxes),
            messages=tuple(_in_inboxes(told, inboxes) for told in self.messages if _is_in(told, inboxes)),
            roots=tuple(root for root in self.roots if root.key in ids or root.key in riders),
            outbox=tuple(row for row in self.outbox if row.key in ids or row.key in riders),
            letters=letters,
            held=tuple(held for held in self.held if held.head in places),
            events=tuple(event for event in self.events if _concerns(event, ids, riders)),
            deliveries=deliveries,
            garbage=self.garbage & places,
            buried=tuple(one for one in self.buried if place_of(one) in places),
            narrowed=True,
        )


def incident_of(data: EventData) -> str | None:
    """The incident that an event is about. An order's id begins with its incident's."""
    incident: str | None = getattr(data, "incident", None)
    order: str | None = getattr(data, "order", None)
    return order.rpartition(".")[0] if incident is None and isinstance(order, str) else incident


def place_of(letter: DeadLetter) -> str:
    """Where the message of a record on a `.dlq` topic stood."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _concerns(event: Event, incidents: Set[str], riders: Set[str]) -> bool:
    return incident_of(event.data) in incidents or (event.topic in _OF_RIDERS and event.key in riders)


def _of_key(key: bytes | None, incidents: Set[str]) -> bool:
    """Whether a record's key is one of these incidents, or an order of one."""
    text = (key or b"").decode("utf-8", "replace")
    return text in incidents or text.rpartition(".")[0] in incidents


def _is_in(told: Told, inboxes: Set[str]) -> bool:
    return any(copy.audience in inboxes for copy in told.to)


def _in_inboxes(told: Told, inboxes: Set[str]) -> Told:
    return replace(told, to=tuple(copy for copy in told.to if copy.audience in inboxes))
