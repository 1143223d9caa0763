"""Events as notify hears them, a notify over a memory store, and a client of its streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from services.notify.agents import handlers
from services.notify.domain.words import Words
from services.notify.store import BOOKS, MESSAGES
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.envelope import Envelope, Message
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.report_updated import ReportUpdated
from shared.mongo.inbox import Delivery, Receive, Received
from shared.mongo.lane import Lane
from shared.mongo.work import Document

SUBDISTRICT = "140302003"
HERE, THERE = f"{SUBDISTRICT}005", f"{SUBDISTRICT}006"
"""Two communities."""

START = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)
CODES = {"inc": "7K3M-9QXA", "unc": "0000-0001"}


class StubNames:
    """Reference data with one word for everything."""

    version = "v1"

    def category(self, scheme: str, code: str) -> Words:
        return Words(f"类别{code}", f"category {code}")

    def public(self, scheme: str, code: str) -> bool:
        return code != "PRIVATE"

    def department(self, code: str) -> Words:
        return Words(f"部门{code}", f"department {code}")

    def place(self, code: str) -> Words:
        return Words(f"网格{code[-8:]}", f"grid {code[-8:]}")

    def communities(self, subdistrict: str) -> tuple[str, ...]:
        return (HERE, THERE) if subdistrict == SUBDISTRICT else ()

    def groups(self, subdistrict: str) -> dict[str, str | None]:
        return {f"officers-{HERE}": HERE, f"officers-{THERE}": THERE, "unit-across": None}


@dataclass(frozen=True)
class Said:
    """One event on its topic; `minute` after `START` is when it happened."""

    topic: str
    key: str
    message: Message

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.topic, 0, 0, self.key.encode(), [], b"", START)


def place(community: str | None = HERE, address: str | None = "北门") -> dict[str, Any]:
    """A place in a community, or an uncertain one."""
    path = {"subdistrict": SUBDISTRICT, "community": community, "basic_grid": f"{community}005"}
    return {
        "wgs84": {"lng": 113.58, "lat": 37.857},
        "gcj02": {"lng": 113.586403, "lat": 37.857503},
        "accuracy_m": 12.0 if community else 180.0,
        "grid": {**path, "micro_grid": f"{community}00505"} if community else None,
        "address": address,
    }


def said(topic: str, key: str, id_: str, minute: float, data: EventData, cycle: int | None = None) -> Said:
    """An event with its envelope."""
    at = START + timedelta(minutes=minute)
    envelope = Envelope(
        id=id_,
        type=data.TYPE,
        source=f"/{SUBDISTRICT}/test",
        subject=key,
        time=at,
        recorded_time=at,
        partition_key=key,
        sequence=1,
        cycle=cycle,
        correlation_id="story",
        causation_id=None,
        actor="system:test",
        traceparent=None,
    )
    return Said(topic, key, Message(envelope, data))


def reported(incident: str = "inc", minute: float = 0, **changes: Any) -> Said:
    """The first report, by rider-1."""
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "incident": incident,
        "report": f"report-of-{incident}",
        "code": CODES.get(incident, "7K3M-9QXA"),
        "rider": "rider-1",
        "category": {"scheme": "gb30428", "code": "P0106"},
        "emergency": False,
        "place": place(),
        "text": "井盖没了",
        "captured_at": START,
        "received_at": START,
        **changes,
    }
    data = IncidentReported.model_validate(fields)
    return said("incident-reported", incident, f"incident-reported:{incident}", minute, data)


def updated(kind: str, number: int, minute: float, incident: str = "inc", rider: str = "rider-2", **more: Any) -> Said:
    """A rider adds something."""
    at = START + timedelta(minutes=minute)
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "kind": kind,
        "incident": incident,
        "report": f"report-{rider}",
        "rider": rider,
        "text": "还在",
        "photo_ids": ("p1",),
        "emergency": False,
        "captured_at": at,
        "received_at": at,
        **more,
    }
    data = ReportUpdated.model_validate(fields)
    return said("report-updated", incident, f"report-updated:{incident}:{number}", minute, data)


def changed(
    kind: str, number: int, minute: float, incident: str = "inc", department: str = "water", **more: Any
) -> Said:
    """Something happened to the incident; `state` takes `to_state`, and so on."""
    at = START + timedelta(minutes=minute)
    order = {"id": f"{incident}.1", "department": department, "state": "offered", "accept_by": at, "due_at": at}
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "kind": kind,
        "incident": incident,
        "code": CODES.get(incident, "7K3M-9QXA"),
        "actor_kind": "system",
        **({"order": order} if kind.startswith(("order_", "reminder", "escalated")) else {}),
        **more,
    }
    data = IncidentChanged.model_validate(fields)
    return said("incident-changed", incident, f"incident-changed:{incident}:{number}:0", minute, data)


def state(to: str, number: int, minute: float, before: str | None = None, incident: str = "inc", **more: Any) -> Said:
    """The incident came into a state."""
    return changed("state", number, minute, incident, to_state=to, from_state=before, **more)


def resolved(cycle: int, minute: float, *riders: str, how: str = "department", incident: str = "inc") -> Said:
    """It is fixed; `riders` are the reporters whom dispatch names."""
    at = START + timedelta(minutes=minute)
    who = [{"rider": r, "report": f"of-{r}", "captured_at": at, "received_at": at} for r in riders or ("rider-1",)]
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "how": how,
        "incident": incident,
        "code": CODES.get(incident, "7K3M-9QXA"),
        "cycle": cycle,
        "resolved_at": at,
        "departments": ("water",),
        "reporters": who,
        "severity": "N",
        "category": {"scheme": "gb30428", "code": "P0106"},
        "on_time": True,
    }
    data = IncidentResolved.model_validate(fields)
    return said("incident-resolved", incident, f"incident-resolved:{incident}:{cycle}", minute, data, cycle)


def awarded(entry: str, minute: float, rider: str = "rider-1", **more: Any) -> Said:
    """Points for a hazard unless `more` says otherwise."""
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "entry": entry,
        "rider": rider,
        "activity": "hazard",
        "points": 5,
        "balance_after": 25,
        "rule": "hazard_first",
        "rule_version": "2026-1",
        "reason": "incident_resolved",
        "incident": "inc",
        **more,
    }
    return said("points-awarded", rider, f"points-awarded:{entry}", minute, PointsAwarded.model_validate(fields))


def adjusted(kind: str, entry: str, minute: float, rider: str = "rider-1", **more: Any) -> Said:
    """Something else in the passbook."""
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "kind": kind,
        "entry": entry,
        "rider": rider,
        "points": -5,
        "balance_after": 20,
        "pending_points": 5,
        "of_entry": "e0",
        "redemption": "red-1",
        "incident": "inc",
        "rule_version": "2026-1",
        "reason": "bogus",
        **more,
    }
    return said("points-adjusted", rider, f"points-adjusted:{entry}", minute, PointsAdjusted.model_validate(fields))


def recorded(squad: str | None, rider: str = "rider-1") -> Said:
    """A rider has recorded that he helped somebody."""
    fields = {"subdistrict": SUBDISTRICT, "recorded_activity": "act", "rider": rider, "activity": "help"}
    data = ActivityRecorded.model_validate({**fields, "squad": squad, "photo_ids": (), "recorded_at": START})
    return said("activity-recorded", "act", "activity-recorded:act", 1, data)


def decided(kind: str, version: int, rider: str = "rider-1", **more: Any) -> Said:
    """A recorded activity was looked at."""
    fields: dict[str, Any] = {
        "subdistrict": SUBDISTRICT,
        "kind": kind,
        "recorded_activity": "act",
        "version": version,
        "rider": rider,
        "activity": "volunteer",
        "actor_kind": "staff",
        **more,
    }
    data = ActivityDecided.model_validate(fields)
    return said("activity-decided", rider, f"activity-decided:act:{version}", version, data)


async def hear(lane: Lane, events: Iterable[Said]) -> list[Received]:
    """Deliver events as the consumers do: together, so that the lane may put them into one transaction."""
    by_topic = handlers(BOOKS, StubNames())
    receive = [Receive(event.delivery, event.message, by_topic[event.topic](event.message)) for event in events]
    return list(await asyncio.gather(*(lane.submit(command) for command in receive)))


@dataclass(frozen=True)
class Got:
    """One message in one inbox."""

    audience: str
    sequence: int
    key: str
    template: str
    urgency: str
    zh: str
    en: str
    link: str
    code: str | None
    at: datetime

    @property
    def content(self) -> tuple[Any, ...]:
        """All of it but its number, which depends on what came first."""
        return (self.key, self.template, self.urgency, self.zh, self.en, self.link, self.code, self.at)


def inboxes(documents: Iterable[Document]) -> list[Got]:
    """What stands in every inbox, from the documents of the collection of messages."""
    found: list[Got] = []
    for message in map(MESSAGES.load, documents):
        zh, en = (" ".join((text.title, text.text, text.next)) for text in (message.zh, message.en))
        for copy in message.to:
            found.append(
                Got(
                    audience=copy.audience,
                    sequence=copy.sequence,
                    key=f"{message.event}|{copy.audience}",
                    template=message.template,
                    urgency=message.urgency.value,
                    zh=zh,
                    en=en,
                    link=message.link,
                    code=message.code,
                    at=message.at,
                )
            )
    return sorted(found, key=lambda got: (got.audience, got.sequence))


@asynccontextmanager
async def stream(
    client: httpx2.AsyncClient, headers: dict[str, str], **parameters: Any
) -> AsyncIterator[AsyncIterator[tuple[int, dict[str, Any]]]]:
    """(id, data) of each event of an inbox's stream, until the block ends or the server ends it."""
    async with client.stream("GET", "/v1/inbox/stream", headers=headers, params=parameters, timeout=30) as answer:
        assert answer.status_code == 200, answer.status_code
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            if "data" in fields:
                yield int(fields["id"]), json.loads(fields["data"])
            fields = {}
