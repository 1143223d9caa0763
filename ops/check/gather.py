"""Gathers a `Snapshot` from live databases and topics; nothing is written anywhere."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError

from ops.check.snapshot import Event, Held, Letter, Root, Snapshot, Waiting
from ops.look import CannotLook, Look
from ops.records import Record, Topics
from services.dispatch.domain.incident import Incident as Dispatched
from services.intake.domain.report import Incident as Opened
from services.intake.domain.report import Report
from services.intake.domain.status import Status
from services.notify.domain.case import Case
from services.notify.domain.delivery import Delivery as Sending
from services.notify.domain.message import Message as Told
from services.notify.domain.message import Recipient
from services.points.domain.entry import Entry, Passbook
from services.points.domain.incident import Incident as Paid
from services.points.domain.redemption import Redemption
from services.points.domain.stock import Movement, Stock
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import Malformed, decode
from shared.contracts.topics import DLQ
from shared.mongo.client import Document
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import HELD_KEYS, INBOX
from shared.mongo.person import FORGETTINGS
from shared.mongo.records import Records
from shared.mongo.retention import TOMBSTONES
from shared.mongo.transactions import OUTBOX
from shared.pseudonym import Person, Pseudonyms

_ROOTS = {"intake": "incidents", "dispatch": "incidents", "points": "passbooks"}
"""The documents whose ids are the Kafka keys of a service's events."""

Item = TypeVar("Item")


async def gather(look: Look, now: datetime) -> Snapshot:
    """One moment, as nearly as live data has one: topics first, so that what they made is in the databases.

    Raises `CannotLook`, also for a document that its service could not read itself.
    """
    outbox = await _of_each(look, _outbox)
    committed, topics = await look.committed(), await _veiled(look, await look.topics())
    events, garbage = _events(topics)
    return Snapshot(
        taken_at=now,
        reports=await _all(look, "intake", "reports", Report),
        opened=await _all(look, "intake", "incidents", Opened),
        statuses=await _all(look, "intake", "statuses", Status),
        dispatched=await _all(look, "dispatch", "incidents", Dispatched),
        passbooks=await _all(look, "points", "passbooks", Passbook),
        entries=await _all(look, "points", "entries", Entry),
        paid=await _all(look, "points", "incidents", Paid),
        redemptions=await _all(look, "points", "redemptions", Redemption),
        stocks=await _all(look, "points", "stocks", Stock),
        movements=await _all(look, "points", "movements", Movement),
        cases=await _all(look, "notify", "cases", Case),
        recipients=await _all(look, "notify", "recipients", Recipient),
        messages=await _all(look, "notify", "messages", Told),
        unplanned=frozenset(d["_id"] for d in await look.find("notify", "messages", {"unplanned": True}, "_id")),
        sendings=await _all(look, "notify", "deliveries", Sending),
        removed_before=await _removed_before(look),
        roots=await _of_each(look, _roots),
        inbox={name: frozenset(d["_id"] for d in await look.find(name, INBOX, {}, "_id")) for name in look.services},
        outbox=outbox,
        letters=await _of_each(look, _letters),
        held=await _of_each(look, _held),
        events=events,
        deliveries=tuple(record for record in topics.records if not record.topic.endswith(DLQ)),
        garbage=garbage,
        buried=_buried(topics.records),
        committed=committed,
        shortened=topics.shortened,
    )


async def _veiled(look: Look, topics: Topics) -> Topics:
    """The records as services take them: in topics people keep the names that databases have forgotten."""
    rows = await asyncio.gather(*(look.find(service, FORGETTINGS, {}, "_id") for service in look.services))
    gone = {row["_id"]: row for of_service in rows for row in of_service}
    if not gone:
        return topics
    pseudonyms = look.pseudonyms()
    return replace(topics, records=tuple(_renamed(record, pseudonyms, gone) for record in topics.records))


def _renamed(record: Record, pseudonyms: Pseudonyms, gone: dict[str, Document]) -> Record:
    content = b"\n".join((record.key or b"", record.value, *(text for _, text in record.headers)))
    for account, pseudonym in pseudonyms.named_in(content, gone).items():
        person = Person(account, pseudonym)
        record = replace(
            record,
            key=person.renamed(record.key),
            headers=[(name, person.renamed(text)) for name, text in record.headers],
            value=person.renamed(record.value),
        )
    return record


async def _all(look: Look, service: str, collection: str, item: type[Item]) -> tuple[Item, ...]:
    records = Records(collection, item)
    documents = await look.find(service, collection, {})
    try:
        return tuple(records.load(document) for document in documents)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors()}))
        raise CannotLook(f"{service}.{collection}: a document cannot be read: {places}") from None


async def _removed_before(look: Look) -> dict[str, datetime]:
    """By noun, before which time notify's retention has removed; tombstones say the days that were set then."""
    found: dict[str, datetime] = {}
    for stone in await look.find("notify", TOMBSTONES, {}, "noun", "rule", "at"):
        before = stone["at"] - timedelta(days=int(stone["rule"].partition(" ")[0]))
        found[stone["noun"]] = max(before, found.get(stone["noun"], before))
    return found


async def _of_each(look: Look, read: Callable[[Look, str], Awaitable[list[Item]]]) -> tuple[Item, ...]:
    found = await asyncio.gather(*(read(look, service) for service in look.services))
    return tuple(item for of_service in found for item in of_service)


async def _outbox(look: Look, service: str) -> list[Waiting]:
    rows = await look.find(service, OUTBOX, {"published": None}, "topic", "key", "parked")
    return [Waiting(service, row["_id"], row["topic"], row["key"], row["parked"]) for row in rows]


async def _roots(look: Look, service: str) -> list[Root]:
    if service not in _ROOTS:
        return []
    documents = await look.find(service, _ROOTS[service], {}, "sequences")
    return [Root(service, document["_id"], _by_topic(document.get("sequences", {}))) for document in documents]


def _by_topic(sequences: Document) -> dict[str, int]:
    return {slot.replace("/", "."): number for slot, number in sequences.items()}


async def _letters(look: Look, service: str) -> list[Letter]:
    return [
        Letter(
            service=service,
            place=document["_id"],
            key=document["key"],
            headers=[(name, content) for name, content in document["headers"]],
            value=document["value"],
            state=document["state"],
            last_at=document["last_at"],
        )
        for document in await look.find(service, DEAD_LETTERS, {})
    ]


async def _held(look: Look, service: str) -> list[Held]:
    found = []
    for document in await look.find(service, HELD_KEYS, {}, "state", "line"):
        head = document["line"][0]
        place = f"{head['topic']}/{head['partition']}/{head['offset']}"
        found.append(Held(service, document["_id"], document["state"], place))
    return found


def _events(topics: Topics) -> tuple[tuple[Event, ...], frozenset[str]]:
    """First deliveries, and the places of what cannot be read."""
    firsts: dict[str, Event] = {}
    garbage: set[str] = set()
    for record in topics.records:
        if record.topic.endswith(DLQ):
            continue
        try:
            event = read(record)
        except Malformed:
            garbage.add(record.place)
        else:
            firsts.setdefault(event.dedupe, event)
    return tuple(firsts.values()), frozenset(garbage)


def read(record: Record) -> Event:
    """The event in a record. Raises `Malformed`."""
    message = decode(record.topic, record.headers, record.value)
    key = (record.key or b"").decode("utf-8", "replace")
    return Event(record.topic, record.partition, record.offset, key, message)


def _buried(records: Iterable[Record]) -> tuple[DeadLetter, ...]:
    """What stands on the `.dlq` topics. Only services may write there, so what cannot be read is a fault of ours."""
    try:
        return tuple(DeadLetter.read(r.headers, r.value) for r in records if r.topic.endswith(DLQ))
    except ValueError as error:
        raise CannotLook(f"a record on a {DLQ} topic: {error}") from None
