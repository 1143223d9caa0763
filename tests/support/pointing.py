"""Events about incidents for the tests of points, and points itself over any lane: what goes in, what the ledger says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.points import agents, evidence
from services.points.domain.entry import Entry, Kind, Passbook
from services.points.domain.ledger import Sums, fold, total, verify_chain
from services.points.domain.tariff import ActivityRule, Row, Tariff, Tariffs
from services.points.store import BOOKS, ENTRIES, JUDGEMENTS, PASSBOOKS
from shared.contracts import topics
from shared.contracts.envelope import Envelope, Message, Position, encode
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_judged import ReportJudged
from shared.contracts.report_updated import ReportUpdated
from shared.ids import new_id
from shared.mongo.client import Database, Document
from shared.mongo.inbox import INBOX, Delivery, Handle, Receive, Received
from shared.mongo.lane import Lane
from tests.support.dispatching import PLACE
from tests.support.memory import MemoryTransactor

KEPT = ("entries", "passbooks")
BEIDAJIE = "140302003"
NINE = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
"""09:00 in Beidajie."""

TARIFF = Tariff(
    version="2026-1",
    reference_version="ref-1",
    trusted=timedelta(hours=24),
    first=Row("hazard_first", 5, 10),
    co_reporter=Row("hazard_co_reporter", 1, 3, limit=3, within=timedelta(hours=24)),
    self_fixed=Row("hazard_self_fixed", 1, 1),
    activities={
        "help": ActivityRule("help", 3, cap_day=9, cap_month=60),
        "home_visit": ActivityRule("home_visit", 2, cap_day=10, cap_month=60, cooldown=timedelta(minutes=10)),
        "meeting": ActivityRule("meeting", 2, once_per_event=True, cap_day=4, cap_month=20),
        "training": ActivityRule("training", 3, once_per_event=True, cap_day=6, cap_month=30),
        "hazard": ActivityRule("hazard", 5, cap_day=50, cap_month=300),
        "hardship": ActivityRule("hardship", 5, cap_day=10, cap_month=60),
        "volunteer": ActivityRule("volunteer", 4, cap_day=8, cap_month=60),
    },
)
"""The amounts of the sample, without its caps for hazards."""

TOPIC_OF: dict[type[EventData], str] = {
    IncidentReported: topics.INCIDENT_REPORTED.name,
    ReportUpdated: topics.REPORT_UPDATED.name,
    IncidentChanged: topics.INCIDENT_CHANGED.name,
    IncidentResolved: topics.INCIDENT_RESOLVED.name,
    ReportJudged: topics.REPORT_JUDGED.name,
}
SOURCE_OF = {
    IncidentReported: "intake",
    ReportUpdated: "intake",
    IncidentChanged: "dispatch",
    IncidentResolved: "dispatch",
    ReportJudged: "intake",
}


@dataclass
class StubRules:
    """Every grid is there but community 099. `P0101` and `E0505` are hazards, `L04` is help, `L05` pays nothing."""

    tariff: Tariff = TARIFF
    earlier: tuple[Tariff, ...] = ()

    def tariffs(self, subdistrict: str) -> Tariffs:
        return Tariffs.of((self.tariff, *self.earlier))

    def activity(self, scheme: str, code: str) -> str | None:
        return {"P0101": "hazard", "E0505": "hazard", "L04": "help", "L05": None}[code]

    def has_grid(self, subdistrict: str, code: str) -> bool:
        return code != "140302003099"

    def zone(self, subdistrict: str) -> ZoneInfo:
        return ZoneInfo("Asia/Shanghai")


def reported(rider: str = "anna", incident: str = "inc", at: datetime = NINE, **changes: Any) -> IncidentReported:
    """The first report, received a minute after it was captured."""
    fields: dict[str, Any] = {
        "subdistrict": BEIDAJIE,
        "incident": incident,
        "report": f"{incident}-by-{rider}",
        "code": "7K3M-9QXA",
        "rider": rider,
        "category": {"scheme": "gb30428", "code": "P0101"},
        "emergency": False,
        "place": PLACE,
        "text": "",
        "captured_at": at,
        "received_at": at + timedelta(minutes=1),
    }
    return IncidentReported.model_validate({**fields, **changes})


def joined(rider: str = "bert", incident: str = "inc", at: datetime = NINE, **changes: Any) -> ReportUpdated:
    """Another rider has seen it too."""
    fields: dict[str, Any] = {
        "subdistrict": BEIDAJIE,
        "kind": "joined",
        "incident": incident,
        "report": f"{incident}-by-{rider}",
        "rider": rider,
        "emergency": False,
        "captured_at": at,
        "received_at": at + timedelta(minutes=1),
    }
    return ReportUpdated.model_validate({**fields, **changes})


def moved(state: str, incident: str = "inc", severity: str = "N") -> IncidentChanged:
    """A new state."""
    return _changed(incident, kind="state", to_state=state, severity=severity)


def recategorised(code: str, incident: str = "inc") -> IncidentChanged:
    """Another category."""
    return _changed(incident, kind="category", category={"scheme": "gb30428", "code": code})


def merged(into: str, incident: str = "inc") -> IncidentChanged:
    """It is the same as another one."""
    return _changed(incident, kind="merged", other_incident=into)


def _changed(incident: str, **fields: Any) -> IncidentChanged:
    common = {"subdistrict": BEIDAJIE, "incident": incident, "code": "7K3M-9QXA", "actor_kind": "staff"}
    return IncidentChanged.model_validate({**common, **fields})


def resolved(
    *reports: IncidentReported | ReportUpdated, incident: str = "inc", cycle: int = 1, **changes: Any
) -> IncidentResolved:
    """Fixed by water, with these reports in frozen order."""
    names = ("rider", "report", "captured_at", "received_at")
    fields: dict[str, Any] = {
        "subdistrict": BEIDAJIE,
        "how": "department",
        "incident": incident,
        "code": "7K3M-9QXA",
        "cycle": cycle,
        "resolved_at": NINE + timedelta(hours=3),
        "departments": ("water",),
        "reporters": [{name: getattr(report, name) for name in names} for report in reports],
        "severity": "N",
        "category": {"scheme": "gb30428", "code": "P0101"},
        "on_time": True,
    }
    return IncidentResolved.model_validate({**fields, **changes})


def judged(rider: str = "anna", incident: str = "inc", kind: str = "bogus") -> ReportJudged:
    """Staff have looked at a report."""
    fields = {"report": f"{incident}-by-{rider}", "rider": rider, "incident": incident, "reason": "照片是别处的"}
    more = {"subdistrict": BEIDAJIE, "kind": kind, "actor_kind": "staff", "judged_at": NINE + timedelta(days=1)}
    return ReportJudged.model_validate({**fields, **more})


def message(data: EventData, sequence: int, actor: str | None = None) -> Message:
    """The event in its envelope, as the `sequence`-th of its key."""
    key = data.subject
    who = actor or (f"rider:{data.rider}" if isinstance(data, IncidentReported | ReportUpdated) else "department:water")
    return Message(
        Envelope(
            id=data.event_id(key, Position(sequence, 0, sequence)),
            type=data.TYPE,
            source=f"/{BEIDAJIE}/{SOURCE_OF.get(type(data), 'intake')}",
            subject=key,
            time=NINE,
            recorded_time=NINE,
            partition_key=key,
            sequence=sequence,
            cycle=1,
            correlation_id="story-1",
            causation_id=None,
            actor=who,
            traceparent=None,
        ),
        data,
    )


def in_envelopes(events: Iterable[EventData]) -> list[Message]:
    """Each event in its envelope, numbered per topic and key in the order given."""
    numbers: dict[tuple[type[EventData], str], int] = {}
    found = []
    for data in events:
        place = (type(data), data.subject)
        numbers[place] = numbers.get(place, 0) + 1
        found.append(message(data, numbers[place]))
    return found


@dataclass
class Points:
    """Points' handlers over a lane. `rules` may be changed by a test between events."""

    lane: Lane
    rules: StubRules = field(default_factory=StubRules)
    numbers: dict[tuple[type[EventData], str], int] = field(default_factory=dict)

    async def hear(self, *events: EventData, actor: str | None = None) -> None:
        """Deliver events one after the other, each once."""
        for data in events:
            place = (type(data), data.subject)
            self.numbers[place] = self.numbers.get(place, 0) + 1
            await self.deliver(message(data, self.numbers[place], actor))

    async def deliver(self, told: Message) -> Received:
        """One delivery, deduplicated by its id as in the worker."""
        topic = TOPIC_OF[type(told.data)]
        command = self._handlers()[topic](told)
        headers, value = encode(told)
        delivery = Delivery(topic, 0, 0, told.envelope.partition_key.encode(), headers, value, NINE)
        return await self.lane.submit(Receive(delivery, told, command), seconds=30)

    def _handlers(self) -> dict[str, Handle]:
        kept = evidence.handlers(BOOKS, self.rules, JUDGEMENTS, new_id)
        return {**agents.handlers(BOOKS, self.rules, new_id), **kept}


@dataclass(frozen=True)
class Ledger:
    """Everything in the books at one moment."""

    entries: Sequence[Entry]
    passbooks: dict[str, Passbook]

    @classmethod
    def of(cls, store: MemoryTransactor) -> "Ledger":
        """What a memory store holds."""
        found = {
            collection: [d for r, d in store.documents.items() if r.collection == collection] for collection in KEPT
        }
        return cls._from(found["entries"], found["passbooks"])

    @classmethod
    async def read(cls, database: Database) -> "Ledger":
        """What a MongoDB holds."""
        return cls._from(*[await database[collection].find().to_list(None) for collection in KEPT])

    @classmethod
    def _from(cls, entries: list[Document], passbooks: list[Document]) -> "Ledger":
        return cls([ENTRIES.load(d) for d in entries], {d["_id"]: PASSBOOKS.load(d) for d in passbooks})

    def lines(self, rider: str) -> list[Entry]:
        """A rider's entries in order."""
        book = self.passbooks.get(rider)
        of_account = [entry for entry in self.entries if book and entry.account == book.account]
        return sorted(of_account, key=lambda entry: entry.number)

    def told(self, rider: str) -> list[tuple[str, str, int, str]]:
        """A rider's entries, short: kind, rule, points, reason."""
        return [(entry.kind.value, entry.rule, entry.amount, entry.reason) for entry in self.lines(rider)]

    def balances(self) -> dict[str, tuple[int, int]]:
        """(balance, pending) of each rider who has any."""
        found = {rider: (book.balance, book.pending) for rider, book in self.passbooks.items()}
        return {rider: sums for rider, sums in found.items() if sums != (0, 0)}

    def paid(self) -> dict[str, tuple[int, str]]:
        """Points and reason of every post, by its key."""
        return {entry.id: (entry.amount, entry.reason) for entry in self.entries if entry.kind is Kind.POST}

    def promised(self) -> dict[str, int]:
        """Points of every promise that is still open, by its key."""
        ended = {(e.account, e.incident, e.rule) for e in self.entries if e.kind is not Kind.PENDING}
        pending = [e for e in self.entries if e.kind is Kind.PENDING]
        return {e.id: e.amount for e in pending if (e.account, e.incident, e.rule) not in ended}

    def check(self) -> None:
        """What must hold at every moment."""
        accounts = fold(self.entries)
        assert total(accounts.values()) == Sums(0, 0)
        for rider, book in self.passbooks.items():
            assert Sums(book.balance, book.pending, book.owed) == accounts.get(book.account, Sums()), rider
            assert verify_chain(self.lines(rider), book.digest) is None
            assert min(book.balance, book.pending, book.owed) >= 0, rider


def forget_deliveries(store: MemoryTransactor) -> None:
    """Lose the memory of what was received, as it is lost after 45 days."""
    for ref in list(store.documents):
        if ref.collection == INBOX:
            del store.documents[ref]


def capped(day: int | None = None, month: int | None = None) -> StubRules:
    """The usual table with caps."""
    return StubRules(replace(TARIFF, cap_day=day, cap_month=month))
