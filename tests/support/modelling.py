"""All four services in memory, wired by their own handlers: what `check` gathers, without a broker or a database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ops.check.gather import gather
from ops.check.snapshot import Snapshot
from ops.look import Look
from ops.records import Record, Topics
from services.dispatch import agents as dispatch
from services.dispatch.store import INCIDENTS as DISPATCHED
from services.intake import agents as intake
from services.intake.domain.report import GridPath, Place, Point, Report
from services.intake.opening import OpenReport
from services.intake.store import HOLDINGS
from services.notify import agents as notify
from services.notify.delivery_store import DELIVERIES
from services.notify.domain.delivery import Delivery as Sending
from services.notify.domain.delivery import Way
from services.notify.domain.message import Message as Told
from services.notify.planning import Planning
from services.notify.store import BOOKS as INBOXES
from services.notify.store import MESSAGES
from services.points import agents as points
from services.points.store import BOOKS as LEDGER
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import Headers, Malformed, decode
from shared.ids import new_id, report_id
from shared.mongo.dead_letters import Bury, Verdict
from shared.mongo.inbox import Delivery, Handle, Receive
from shared.mongo.transactions import OUTBOX
from shared.mongo.work import Document, Ref, Work
from tests.support import dispatching, notifying, pointing

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
SUBDISTRICT = "140302003"
PLACE = Place(
    raw=Point(113.58, 37.857),
    crs="wgs84",
    wgs84=Point(113.58, 37.857),
    gcj02=Point(113.586403, 37.857503),
    accuracy_m=12.0,
    address=None,
    grid=GridPath(SUBDISTRICT, f"{SUBDISTRICT}005", f"{SUBDISTRICT}005005", f"{SUBDISTRICT}00500505"),
)


def _handlers() -> dict[str, Mapping[str, Handle]]:
    rules = dispatching.StubRules(after_photo_required=False)
    return {
        "intake": intake.handlers(HOLDINGS),
        "dispatch": dispatch.handlers(DISPATCHED, rules, dispatching.StubReceipts(), rules.departments),
        "points": points.handlers(LEDGER, pointing.StubRules(), new_id),
        "notify": notify.handlers(INBOXES, notifying.StubNames()),
    }


def _work() -> Work:
    nothing: defaultdict[Ref, Document | None] = defaultdict(lambda: None)
    return Work(nothing, NOW)


@dataclass(slots=True)
class Model:
    """Services and topics. Everything is carried out at once; `sent` counts the outbox rows that stand on topics."""

    works: dict[str, Work] = field(default_factory=lambda: {name: _work() for name in _handlers()})
    handlers: dict[str, Mapping[str, Handle]] = field(default_factory=_handlers)
    records: list[Record] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def report(self, rider: str, incident: str) -> None:
        """A rider's report opens an incident."""
        report = Report(
            id=report_id(rider, f"key-{incident}"),
            client_key=f"key-{incident}",
            fingerprint="f",
            rider=rider,
            subdistrict=SUBDISTRICT,
            incident=incident,
            code="",
            category={"scheme": "gb30428", "code": "P0101"},
            condition="broken",
            emergency=True,
            place=PLACE,
            text="井盖破了",
            interim_measures=None,
            photo_ids=(),
            captured_at=NOW - timedelta(minutes=1),
            received_at=NOW,
            flags=(),
        )
        OpenReport(HOLDINGS, report, (), Context(f"rider:{rider}", "story")).decide(self.works["intake"])
        self._publish()

    def say(self, kind: str, order: str, seen_seq: int) -> None:
        """The water department sends an update."""
        fields = {"subdistrict": SUBDISTRICT, "update_id": f"{kind}-{order}", "order": order, "seen_seq": seen_seq}
        data = DepartmentUpdate.model_validate({**fields, "kind": kind, "at": NOW})
        headers: Headers = [("content-type", b"application/json"), ("ce_specversion", b"1.0"), ("ce_source", b"/x")]
        headers += [("ce_id", data.update_id.encode()), ("ce_type", data.TYPE.encode())]
        headers += [("ce_time", NOW.isoformat().encode())]
        self.put("department-updates.water", order, headers, data.model_dump_json(exclude_none=True).encode())

    def put(self, topic: str, key: str, headers: Headers, value: bytes) -> None:
        """A record comes to stand on a topic, whoever sent it, and all that follows from it happens."""
        offset = sum(record.topic == topic for record in self.records)
        record = Record(topic, 0, offset, key.encode(), headers, value, NOW)
        self.records.append(record)
        for service, handlers in self.handlers.items():
            if topic in handlers:
                self._deliver(service, handlers[topic], record)
        self._publish()

    def _deliver(self, service: str, handle: Handle, record: Record) -> None:
        delivery = Delivery(record.topic, 0, record.offset, record.key, record.headers, record.value, NOW)
        try:
            message = decode(record.topic, record.headers, record.value)
        except Malformed as error:
            Bury(service, delivery, Verdict(error.error_class, str(error), 1, NOW)).decide(self.works[service])
        else:
            Receive(delivery, message, handle(message)).decide(self.works[service])

    def _publish(self) -> None:
        for service, work in self.works.items():
            while len(rows := work.outbox_rows()) > self.sent[service]:
                row = rows[self.sent[service]]
                self.sent[service] += 1
                headers = [(name, content) for name, content in row["headers"]]
                self.put(row["topic"], row["key"], headers, row["value"])

    async def snapshot(self) -> Snapshot:
        """What `check` sees of it."""
        return await gather(Behind(self), NOW)


@dataclass(slots=True)
class Drafts:
    """Messages in memory that are to be planned."""

    messages: list[Told]
    kept: list[Sending] = field(default_factory=list)

    async def unplanned(self, limit: int) -> list[tuple[Told, int]]:
        return [(message, 1) for message in self.messages]

    async def keep(self, deliveries: Sequence[Sending]) -> int:
        self.kept += deliveries
        return len(deliveries)

    async def planned(self, message: str, version: int) -> None:
        return None


class NoWays:
    """No robot and no address."""

    async def of(self, audience: str, message: Told) -> tuple[Sequence[Way], str | None]:
        return (), None


class Behind(Look):
    """Looks into a model. All that was put has been published, and every message was looked at: no robot speaks anywhere."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def services(self) -> list[str]:
        return list(self._model.works)

    async def find(self, service: str, collection: str, query: Document, *fields: str) -> list[Document]:
        if collection == OUTBOX:
            return []
        if query == {"unplanned": True}:
            return []
        changes = self._model.works[service].changes()
        found = [change.document for change in changes if change.document and change.ref.collection == collection]
        return found + await self._planned() if (service, collection) == ("notify", "deliveries") else found

    async def _planned(self) -> list[Document]:
        drafts = Drafts([MESSAGES.load(one) for one in await self.find("notify", "messages", {})])
        await Planning(drafts, NoWays(), lambda: NOW).step()
        return [DELIVERIES.dump(one) for one in drafts.kept]

    async def topics(self) -> Topics:
        ordered = sorted(self._model.records, key=lambda record: (record.topic, record.offset))
        return Topics(tuple(ordered), frozenset())

    async def committed(self) -> dict[tuple[str, str, int], int]:
        places = [(record.topic, record.offset + 1) for record in self._model.records]
        reading = self._model.handlers
        return {(name, topic, 0): end for name in reading for topic, end in places if topic in reading[name]}


async def whole_story() -> Snapshot:
    """Two incidents from report to points, and one piece of garbage on a topic."""
    model = Model()
    for incident in ("inc-1", "inc-2"):
        model.report("anna", incident)
        model.say("accepted", f"{incident}.1", 1)
        model.say("done", f"{incident}.1", 2)
    model.put("incident-reported", "inc-1", [], b"\xff no event")
    return await model.snapshot()
