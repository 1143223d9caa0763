"""All topics, declared once: who writes, who reads, what they carry. Partitions never change; growth is a new topic.

Principals are services by name, departments as `dept.<code>` and the operators as `ops`. Rights are derived from here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from shared.contracts.account_changed import AccountChanged
from shared.contracts.account_forgotten import AccountForgotten
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.campaign_changed import CampaignChanged
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.report_judged import ReportJudged
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.visit_recorded import VisitRecorded

DLQ = ".dlq"
OPERATORS = "ops"
DEPARTMENT = "dept."
DISPATCH = "dispatch."
DEPARTMENT_UPDATES = "department-updates."

_CODE = re.compile(r"[a-z][a-z0-9-]{1,30}")


@dataclass(frozen=True)
class Topic:
    """`key` is what the Kafka key is the id of. `events` are the types that may stand on it."""

    name: str
    key: str
    partitions: int
    retention_days: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    events: tuple[type[EventData], ...]

    @property
    def dlq(self) -> "Topic":
        """Where its services put what they cannot carry out. A department has no right there."""
        services = tuple(name for name in self.consumers if not name.startswith(DEPARTMENT))
        return replace(self, name=self.name + DLQ, partitions=1, producers=services, consumers=(OPERATORS,))


def _incident(name: str, event: type[EventData], producer: str, *consumers: str) -> Topic:
    return Topic(name, "incident", 12, 30, (producer,), consumers, (event,))


def _rider(name: str, event: type[EventData], *consumers: str) -> Topic:
    return Topic(name, "rider", 12, 30, ("points",), consumers, (event,))


INCIDENT_REPORTED = _incident("incident-reported", IncidentReported, "intake", "dispatch", "points", "notify")
REPORT_UPDATED = _incident("report-updated", ReportUpdated, "intake", "dispatch", "points", "notify")
INCIDENT_CHANGED = _incident("incident-changed", IncidentChanged, "dispatch", "intake", "points", "notify")
INCIDENT_RESOLVED = _incident("incident-resolved", IncidentResolved, "dispatch", "points", "notify", "intake")
POINTS_AWARDED = _rider("points-awarded", PointsAwarded, "notify", "intake")
POINTS_ADJUSTED = _rider("points-adjusted", PointsAdjusted, "notify", "intake")
ACTIVITY_DECIDED = _rider("activity-decided", ActivityDecided, "notify")
ACCOUNT_CHANGED = Topic(
    "account-changed", "account", 12, 30, ("intake",), ("dispatch", "points", "notify"), (AccountChanged,)
)
CAMPAIGN_CHANGED = Topic("campaign-changed", "campaign", 12, 30, ("points",), ("intake",), (CampaignChanged,))
ACTIVITY_RECORDED = Topic(
    "activity-recorded", "activity", 12, 30, ("points",), ("intake", "notify"), (ActivityRecorded,)
)
VISIT_RECORDED = Topic("visit-recorded", "visit", 12, 30, ("intake",), ("points",), (VisitRecorded,))
REPORT_JUDGED = Topic("report-judged", "report", 12, 30, ("intake",), ("points",), (ReportJudged,))
ACCOUNT_FORGOTTEN = Topic(
    "account-forgotten", "account", 12, 30, ("dispatch", "points", "notify"), ("intake",), (AccountForgotten,)
)

FIXED = (
    INCIDENT_REPORTED,
    REPORT_UPDATED,
    INCIDENT_CHANGED,
    INCIDENT_RESOLVED,
    POINTS_AWARDED,
    POINTS_ADJUSTED,
    ACTIVITY_DECIDED,
    ACCOUNT_CHANGED,
    ACCOUNT_FORGOTTEN,
    CAMPAIGN_CHANGED,
    VISIT_RECORDED,
    REPORT_JUDGED,
    ACTIVITY_RECORDED,
)
"""Topics that exist once; each department adds two."""


def dispatch_topic(department: str) -> Topic:
    """What this department is told. Raises `ValueError` unless the code is one."""
    name = DISPATCH + _code(department)
    return Topic(name, "incident", 3, 90, ("dispatch",), (DEPARTMENT + department,), (DispatchOrder,))


def department_updates_topic(department: str) -> Topic:
    """What this department says: the name alone proves who speaks. Raises `ValueError` unless the code is one."""
    name = DEPARTMENT_UPDATES + _code(department)
    return Topic(name, "order", 3, 90, (DEPARTMENT + department,), ("dispatch",), (DepartmentUpdate,))


def department_of(topic_name: str) -> str | None:
    """Whose topic it is, in either direction and for its dead letters; None for topics of the services."""
    name = topic_name.removesuffix(DLQ)
    for prefix in (DISPATCH, DEPARTMENT_UPDATES):
        if name.startswith(prefix) and _CODE.fullmatch(name.removeprefix(prefix)):
            return name.removeprefix(prefix)
    return None


def all_topics(departments: Iterable[str]) -> list[Topic]:
    """Everything a broker needs: the fixed topics, two per department, and dead letters wherever a service reads."""
    codes = sorted(set(departments))
    sources = [*FIXED, *map(dispatch_topic, codes), *map(department_updates_topic, codes)]
    return [*sources, *(topic.dlq for topic in sources if topic.dlq.producers)]


@lru_cache(maxsize=1024)
def topic_named(name: str) -> Topic:
    """The declaration behind a name, dead letters included. Raises `ValueError` for a name that is not ours."""
    source = _source_named(name.removesuffix(DLQ))
    return source.dlq if name.endswith(DLQ) else source


def _source_named(name: str) -> Topic:
    for topic in FIXED:
        if topic.name == name:
            return topic
    for prefix, of_department in ((DISPATCH, dispatch_topic), (DEPARTMENT_UPDATES, department_updates_topic)):
        if name.startswith(prefix):
            return of_department(name.removeprefix(prefix))
    raise ValueError(f"{name}: no such topic")


def _code(department: str) -> str:
    if not _CODE.fullmatch(department):
        raise ValueError(f"{department}: a department code matches {_CODE.pattern}")
    return department
