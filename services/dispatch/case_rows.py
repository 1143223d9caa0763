"""A case as one row of the list that higher levels expect, in their words and their order."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from services.dispatch.domain.cases import Case, closed_at, taken_on
from services.dispatch.domain.incident import Incident
from services.dispatch.ports import Names

COLUMNS = [
    "任务号",
    "问题来源",
    "问题类型",
    "大类名称",
    "小类名称",
    "立案条件",
    "问题描述",
    "地址描述",
    "所属街道",
    "所属社区",
    "上报时间",
    "立案时间",
    "派遣时间",
    "处置截止时间",
    "处置部门",
    "处置时间",
    "结案时间",
    "返工次数",
    "延期",
]
"""One for each field of `CaseRow`, in its order."""

SOURCE = "骑手上报"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """Names as people read them, times as moments; None where it has not happened. Nobody is named in it."""

    task: str
    source: str
    type: str
    main_class: str
    category: str
    condition: str
    text: str
    address: str
    subdistrict: str
    community: str
    reported_at: datetime
    registered_at: datetime | None
    dispatched_at: datetime
    due_at: datetime
    department: str
    done_at: datetime | None
    closed_at: datetime | None
    reworked: int
    extensions: int


def row_of(case: Case, names: Names) -> CaseRow:
    """The case as a row. Its number is the incident's code with the order's number: two departments are two tasks."""
    incident, order = case.incident, case.order
    kind = names.category(incident.category, incident.condition)
    return CaseRow(
        task=f"{incident.code}-{order.id.rpartition('.')[2]}",
        source=SOURCE,
        type=kind.type,
        main_class=kind.main_class,
        category=kind.category,
        condition=kind.condition,
        text=incident.text,
        address=address_of(incident),
        subdistrict=names.place(incident.subdistrict),
        community=names.place(incident.community) if incident.community else "",
        reported_at=reported_at(incident),
        registered_at=taken_on(incident),
        dispatched_at=order.offered_at,
        due_at=order.due_at,
        department=names.department(order.department),
        done_at=order.done_at,
        closed_at=closed_at(incident),
        reworked=order.cycle - 1,
        extensions=len(order.clock.granted) if order.clock else 0,
    )


def address_of(incident: Incident) -> str:
    """The place in somebody's words; without any, nothing."""
    return str(incident.place.get("address") or "")


def reported_at(incident: Incident) -> datetime:
    """When the first report of it came in."""
    return min((reporter.received_at for reporter in incident.reporters), default=incident.t0)


def exported(cases: Iterable[Case], names: Names) -> list[Case]:
    """Those of schemes that count for higher levels: what only this place knows never does."""
    return [case for case in cases if names.category(case.incident.category, case.incident.condition).exported]


def cells(row: CaseRow, zone: ZoneInfo) -> list[str]:
    """The row as text, times by the clock on the wall."""
    return [cell(getattr(row, field.name), zone) for field in fields(row)]


def cell(value: object, zone: ZoneInfo) -> str:
    """One value as text."""
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
