"""Incidents, rules and messages of departments for the tests of dispatch."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.dispatch.domain import routing
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Asked, Escalated, Happened, Incident, Reminded, Reporter, Route
from services.dispatch.domain.states import State
from services.dispatch.domain.updates import Update
from services.dispatch.ports import CategoryNames, CategoryRule, Receipt
from services.dispatch.rules import LocalHours
from shared.contracts.incident_reported import IncidentReported
from shared.reference.calendars import Calendar, CalendarFile

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = LocalHours(Calendar({}), ZONE)
"""Monday to Friday: no calendar has come yet."""

RECEIVED = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)
"""09:40 of a Wednesday in Beidajie."""

LIMIT = Limit(4, Unit.WORKING_HOURS)
PLACE: dict[str, Any] = {
    "wgs84": {"lng": 113.58, "lat": 37.857},
    "gcj02": {"lng": 113.586403, "lat": 37.857503},
    "accuracy_m": 12.0,
    "grid": {
        "subdistrict": "140302003",
        "community": "140302003005",
        "basic_grid": "140302003005005",
        "micro_grid": "14030200300500505",
    },
}


@dataclass
class StubRules:
    """Reference data of one category, whose route is whatever the test says."""

    found: Route | str = field(default_factory=lambda: Route(("water",), "whoever-acts", "v1"))
    priority: Priority = Priority.N
    limit: Limit = LIMIT
    after_photo_required: bool = True
    version: str = "v1"
    departments: frozenset[str] = frozenset({"water", "drainage", "fire"})
    repair: Limit | None = None
    by_place: dict[str, Route | str] = field(default_factory=dict)
    """Who acts in a micro-grid, where it is not `found`."""
    by_condition: dict[str, Route | str] = field(default_factory=dict)
    located: dict[str, str] | None = None
    """Where every point lies; None: in the micro-grid of `PLACE`."""

    def category(self, category: dict[str, str], condition: str | None) -> CategoryRule | None:
        if category["code"] != "P0101":
            return None
        return CategoryRule(
            "上水井盖", "Water cover", self.priority, self.limit, self.after_photo_required, self.repair
        )

    def hours(self, subdistrict: str) -> LocalHours:
        return WEEK

    def is_department(self, code: str) -> bool:
        return code in self.departments

    def route(self, asked: Asked) -> Route | str:
        return self.by_condition.get(asked.condition or "", self.by_place.get(asked.place, self.found))

    def locate(self, lng: float, lat: float) -> dict[str, str] | None:
        grid: dict[str, str] = PLACE["grid"]
        return None if lng < 100 else self.located or grid


class StubNames:
    """Codes are their own names; what is `local` counts nowhere else."""

    def category(self, category: dict[str, str], condition: str | None) -> CategoryNames:
        return CategoryNames("部件", "公用设施", "上水井盖", condition or "", category["scheme"] != "local")

    def place(self, code: str) -> str:
        return f"name of {code}"

    def department(self, code: str) -> str:
        return f"name of {code}"

    def zone(self, subdistrict: str) -> ZoneInfo:
        return ZONE


def calendar_file(off: str, *cases: dict[str, object]) -> CalendarFile:
    """The file of 2026 as it comes, with one day off; a case is of one working hour."""
    fields = {
        "year": 2026,
        "source": "a test",
        "hours": [["08:00", "12:00"], ["14:00", "18:00"]],
        "days_off": [off],
        "cases": [{"limit": {"value": 1, "unit": "wh"}, **case} for case in cases],
    }
    return CalendarFile.model_validate_json(json.dumps(fields))


class StubReceipts:
    """A token `<uploader>~<photo>` is a receipt, anything else is not."""

    def verify(self, token: str) -> Receipt | None:
        uploader, found, photo = token.partition("~")
        return Receipt(photo, f"department:{uploader}", RECEIVED, None) if found else None


def incident(state: State = State.REPORTED, **changes: Any) -> Incident:
    """Incident `inc` as it stands right after the report."""
    fields: dict[str, Any] = {
        "id": "inc",
        "subdistrict": "140302003",
        "code": "7K3M-9QXA",
        "category": {"scheme": "gb30428", "code": "P0101"},
        "condition": "broken",
        "priority": Priority.N,
        "place": PLACE,
        "text": "",
        "interim_measures": None,
        "photo_ids": ("p1",),
        "photo_required": True,
        "reporters": (Reporter("rider-1", "r1", RECEIVED - timedelta(minutes=99), RECEIVED),),
        "state": state,
        "cycle": 1,
        "t0": RECEIVED,
    }
    return Incident(**{**fields, **changes})


def dispatched(*departments: str, at: datetime = RECEIVED, **changes: Any) -> Incident:
    """The incident offered to `departments` at `at`."""
    found = Route(departments or ("water",), "whoever-acts", "v1")
    offered, _ = routing.route(incident(**changes), found, LIMIT, WEEK, at)
    return offered


def update(
    kind: str = "accepted", department: str = "water", order: str = "inc.1", seen: int = 1, **more: Any
) -> Update:
    """A message of a department whose clock is right."""
    fields = {"id": f"u-{kind}-{seen}", "at": RECEIVED + timedelta(minutes=1), "evidence": ("after",), **more}
    return Update(department=department, order=order, seen_seq=seen, kind=kind, **fields)  # type: ignore[arg-type]


def report(id_: str = "inc", **changes: Any) -> IncidentReported:
    """What intake says when an incident is opened."""
    fields: dict[str, Any] = {
        "subdistrict": "140302003",
        "incident": id_,
        "report": f"report-of-{id_}",
        "code": "7K3M-9QXA",
        "rider": "rider-1",
        "category": {"scheme": "gb30428", "code": "P0101"},
        "condition": "broken",
        "emergency": False,
        "place": PLACE,
        "photo_ids": ("p1",),
        "text": "井盖破了",
        "captured_at": RECEIVED - timedelta(minutes=99),
        "received_at": RECEIVED,
    }
    return IncidentReported.model_validate({**fields, **changes})


def words(happened: list[Happened]) -> list[str]:
    """What happened, short."""
    return [_word(event) for event in happened]


def _word(event: Happened) -> str:
    if isinstance(event, Reminded | Escalated):
        return type(event).__name__
    return str(getattr(event, "kind", None) or getattr(event, "after", None) or "resolved")
