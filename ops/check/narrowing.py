"""A snapshot of some incidents alone."""

from collections.abc import Iterable, Set
from dataclasses import replace

from ops.check.snapshot import Event, Snapshot, incident_of, place_of
from services.notify.domain.message import Message as Told
from shared.contracts.topics import POINTS_ADJUSTED, POINTS_AWARDED

_OF_RIDERS = (POINTS_AWARDED.name, POINTS_ADJUSTED.name)


def about(snapshot: Snapshot, incidents: Iterable[str]) -> Snapshot:
    """What concerns these incidents; of their riders the whole passbook, of those told the whole inbox."""
    ids = frozenset(incidents)
    riders = {report.rider for report in snapshot.reports if report.incident in ids}
    riders |= {sighting.rider for paid in snapshot.paid if paid.id in ids for sighting in paid.sightings}
    books = tuple(book for book in snapshot.passbooks if book.id in riders)
    accounts = {book.account for book in books}
    inboxes = {copy.audience for told in snapshot.messages if told.incident in ids for copy in told.to}
    messages = tuple(_in_inboxes(told, inboxes) for told in snapshot.messages if _is_in(told, inboxes))
    deliveries = tuple(record for record in snapshot.deliveries if _of_key(record.key, ids))
    places = {record.place for record in deliveries}
    letters = tuple(one for one in snapshot.letters if one.place in places or _of_key(one.key, ids))
    places |= {letter.place for letter in letters}
    return replace(
        snapshot,
        reports=tuple(report for report in snapshot.reports if report.incident in ids),
        opened=tuple(opened for opened in snapshot.opened if opened.id in ids),
        statuses=tuple(status for status in snapshot.statuses if status.id in ids),
        dispatched=tuple(incident for incident in snapshot.dispatched if incident.id in ids),
        passbooks=books,
        entries=tuple(entry for entry in snapshot.entries if entry.account in accounts),
        paid=tuple(paid for paid in snapshot.paid if paid.id in ids),
        cases=tuple(case for case in snapshot.cases if case.id in ids),
        recipients=tuple(inbox for inbox in snapshot.recipients if inbox.id in inboxes),
        messages=messages,
        unplanned=snapshot.unplanned & {told.id for told in messages},
        sendings=tuple(one for one in snapshot.sendings if one.audience in inboxes),
        roots=tuple(root for root in snapshot.roots if root.key in ids or root.key in riders),
        outbox=tuple(row for row in snapshot.outbox if row.key in {*ids, *riders, *places}),
        letters=letters,
        held=tuple(held for held in snapshot.held if held.head in places),
        events=tuple(event for event in snapshot.events if _concerns(event, ids, riders)),
        deliveries=deliveries,
        garbage=snapshot.garbage & places,
        buried=tuple(one for one in snapshot.buried if place_of(one) in places),
        narrowed=True,
    )


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
