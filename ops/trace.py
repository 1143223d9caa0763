"""One incident's way through services, topics, ledger and inboxes, on one timeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ops.check.gather import read
from ops.check.snapshot import Event, incident_of
from ops.look import Look
from ops.records import Record
from services.points.domain.entry import Entry
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.envelope import Malformed
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.topics import DLQ
from shared.mongo.client import Document
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import INBOX
from shared.mongo.records import Records

_ENTRIES: Records[Entry] = Records("entries", Entry)


class UnknownIncident(LookupError):
    """No incident has this id or public code."""


@dataclass(frozen=True, slots=True)
class Station:
    """One thing that happened. For an event `place` is topic/partition/offset, `delay` the seconds from being stored to
    being sent, and `taken` the seconds from being sent to each consumer's commit."""

    at: datetime
    service: str
    what: str
    actor: str
    correlation: str | None = None
    place: str | None = None
    delay: float | None = None
    taken: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """All stations, in order of time."""

    incident: str
    code: str
    stations: tuple[Station, ...]


async def trace(look: Look, wanted: str) -> Trace:
    """Of an incident id or a public code, in whatever case. Raises `UnknownIncident`, `CannotLook`."""
    incident = await _find(look, wanted)
    id_, records = incident["_id"], (await look.topics()).records
    stations = [
        *await _intake(look, incident),
        *await _events(look, id_, records),
        *await _entries(look, id_),
        *await _messages(look, id_),
    ]
    return Trace(id_, incident["code"], tuple(sorted(stations, key=lambda station: station.at)))


async def _find(look: Look, wanted: str) -> Document:
    code = wanted.strip().upper()
    named = await look.find("intake", "codes", {"_id": code})
    ids = [wanted.strip(), *(document["incident"] for document in named)]
    found = await look.find("intake", "incidents", {"_id": {"$in": ids}})
    if not found:
        raise UnknownIncident(f"没有这个事件 no incident has the id or code {wanted}")
    return found[0]


async def _intake(look: Look, incident: Document) -> list[Station]:
    query = {"_id": {"$in": list(incident["photo_ids"])}}
    photos = await look.find("intake", "photos", query, "received_at", "uploader")
    reports = await look.find("intake", "reports", {"incident": incident["_id"]})
    return [
        *(Station(p["received_at"], "intake", f"photo {p['_id']} stored", p["uploader"]) for p in photos),
        *(Station(r["received_at"], "intake", f"report {r['_id']} stored", f"rider:{r['rider']}") for r in reports),
    ]


async def _events(look: Look, incident: str, records: Iterable[Record]) -> list[Station]:
    """Every delivery, also a repeated one, with who has taken it and who could not."""
    events: list[tuple[Event, Record]] = []
    places = []
    for record in records:
        if record.topic.endswith(DLQ):
            continue
        try:
            event = read(record)
        except Malformed:
            places += [record.place] if (record.key or b"").startswith(incident.encode()) else []
            continue
        if incident_of(event.data) == incident:
            events.append((event, record))
            places.append(record.place)
    taken = await _taken(look, [event.dedupe for event, _ in events])
    stations, seen = list[Station](), set[str]()
    for event, record in sorted(events, key=lambda pair: pair[1].at):
        again = event.dedupe in seen
        stations.append(_event(event, record, {} if again else taken.get(event.dedupe, {}), again=again))
        seen.add(event.dedupe)
    return [*stations, *await _letters(look, places)]


def _event(event: Event, record: Record, taken: Mapping[str, datetime], *, again: bool) -> Station:
    envelope = event.message.envelope
    stored = None if isinstance(event.data, DepartmentUpdate) else envelope.recorded_time
    return Station(
        at=record.at,
        service=envelope.source.rpartition("/")[2],
        what=("again: " if again else "") + said(event.data),
        actor=envelope.actor,
        correlation=envelope.correlation_id,
        place=record.place,
        delay=None if stored is None else _seconds(stored, record.at),
        taken={service: _seconds(record.at, at) for service, at in taken.items()},
    )


def said(data: EventData) -> str:
    """An event in a few words."""
    name = data.TYPE.removeprefix("cn.qianshao.").rpartition(".")[0]
    match data:
        case DispatchOrder():
            return f"order told: {data.kind} #{data.seq}"
        case DepartmentUpdate():
            return f"update: {data.kind}, has seen #{data.seen_seq}"
        case IncidentChanged(kind="state"):
            return f"{name}: {data.from_state} -> {data.to_state}"
        case IncidentChanged():
            return f"{name}: {data.kind}"
    kind = getattr(data, data.KIND, None) or getattr(data, "rule", None)
    return f"{name}: {kind}" if kind else name


async def _taken(look: Look, dedupes: list[str]) -> dict[str, dict[str, datetime]]:
    """When each consumer committed each event, by (event, service)."""
    found: dict[str, dict[str, datetime]] = {}
    for service in look.services:
        for row in await look.find(service, INBOX, {"_id": {"$in": dedupes}}, "at"):
            found.setdefault(row["_id"], {})[service] = row["at"]
    return found


async def _letters(look: Look, places: list[str]) -> list[Station]:
    stations = []
    for service in look.services:
        for letter in await look.find(service, DEAD_LETTERS, {"_id": {"$in": places}}):
            what = f"dead letter, {letter['state']}: {letter['error_class']}: {letter['error']}"
            stations.append(Station(letter["last_at"], service, what, f"system:{service}", place=letter["_id"]))
    return stations


async def _entries(look: Look, incident: str) -> list[Station]:
    entries = map(_ENTRIES.load, await look.find("points", "entries", {"incident": incident}))
    return [
        Station(e.at, "points", f"entry written: {e.kind} {e.amount} {e.rule}, balance {e.balance}", e.actor)
        for e in sorted(entries, key=lambda entry: (entry.account, entry.number))
    ]


async def _messages(look: Look, incident: str) -> list[Station]:
    messages = await look.find("notify", "messages", {"incident": incident}, "template", "to")
    return [
        Station(
            copy["stored"], "notify", f"message put: {m['template']} -> {copy['audience']} #{copy['sequence']}", actor
        )
        for m in messages
        for copy in m["to"]
        for actor in ["system:notify"]
    ]


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)
