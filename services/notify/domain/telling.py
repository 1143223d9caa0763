"""Who is told what: one table, (topic, what happened) -> (audience, template, urgency). Tests walk it.

Whatever notify hears has an entry here. An event that concerns nobody says so, with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.notify.domain.templates import Template, placeholders
from services.notify.domain.words import Words
from shared.contracts.topics import (
    ACTIVITY_DECIDED,
    ACTIVITY_RECORDED,
    INCIDENT_CHANGED,
    INCIDENT_REPORTED,
    INCIDENT_RESOLVED,
    POINTS_ADJUSTED,
    POINTS_AWARDED,
    REPORT_UPDATED,
)


class Audience(StrEnum):
    """`rider`: whom the event names. `reporters`: who had reported the incident by then. `staff`: of the community it lies
    in, or of the sub-district while the place is uncertain. `new_staff`: of a community it was not known to lie in before.
    `officers`: the micro-grid officers' group of that community; `unit`: the group of the micro-grid's unit; `danger_unit`: the
    same, if it is an emergency. `captain`: who leads the squad that the event names. `department`: the people of the one that
    the step is about. `leads`: of the sub-district."""

    RIDER = "rider"
    REPORTERS = "reporters"
    STAFF = "staff"
    NEW_STAFF = "new_staff"
    OFFICERS = "officers"
    UNIT = "unit"
    DANGER_UNIT = "danger_unit"
    CAPTAIN = "captain"
    DEPARTMENT = "department"
    LEADS = "leads"


SIDES: Mapping[Audience, str] = {
    Audience.RIDER: "riders",
    Audience.REPORTERS: "riders",
    Audience.STAFF: "staff",
    Audience.NEW_STAFF: "staff",
    Audience.OFFICERS: "officers",
    Audience.UNIT: "unit",
    Audience.DANGER_UNIT: "unit",
    Audience.CAPTAIN: "captain",
    Audience.DEPARTMENT: "department",
    Audience.LEADS: "leads",
}
"""One event has at most one text a side: what riders read, what staff read, and so on."""

GROUPS = frozenset({Audience.OFFICERS, Audience.UNIT, Audience.DANGER_UNIT})
"""Where many read along: no word that a person wrote, and aloud only for categories that are public."""


class Urgency(StrEnum):
    """`urgent` may wake people; `low` may wait for a digest."""

    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Row:
    """One message. `urgency` None: urgent if the rider ticked emergency, else normal."""

    audience: Audience
    template: str
    urgency: Urgency | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What follows from one kind of event; without rows, `nobody` is the reason. `values` are the placeholders that the
    event brings. `of_case`: the text speaks of an incident, so it waits for the report and has `CASE_VALUES` too."""

    rows: tuple[Row, ...]
    values: frozenset[str] = frozenset()
    nobody: str = ""
    of_case: bool = True

    def of(self, values: Mapping[str, Words]) -> dict[str, Words]:
        """Those of an event's values that its texts may use."""
        return {name: words for name, words in values.items() if name in self.values}


CASE_VALUES = frozenset({"code", "category", "place"})
_WRITTEN = frozenset({"reason", "question"})
"""Values that a person wrote."""


def _tell(*rows: Row, values: tuple[str, ...] = (), of_case: bool = True) -> Entry:
    return Entry(rows, frozenset(values), of_case=of_case)


def _nobody(reason: str, *, of_case: bool = True) -> Entry:
    return Entry((), nobody=reason, of_case=of_case)


def _passbook(template: str, *values: str) -> Entry:
    return _tell(Row(Audience.RIDER, template, Urgency.NORMAL), values=values, of_case=False)


def _rider(template: str) -> Row:
    return Row(Audience.RIDER, template, Urgency.NORMAL)


def _reporters(template: str, urgency: Urgency = Urgency.NORMAL) -> Row:
    return Row(Audience.REPORTERS, template, urgency)


def _groups(template: str, urgency: Urgency | None = Urgency.LOW) -> tuple[Row, Row]:
    return Row(Audience.OFFICERS, template, urgency), Row(Audience.UNIT, template, urgency)


def _department(template: str, urgency: Urgency | None = Urgency.NORMAL) -> Row:
    return Row(Audience.DEPARTMENT, template, urgency)


def _staff(template: str, urgency: Urgency | None = Urgency.NORMAL) -> Row:
    return Row(Audience.STAFF, template, urgency)


_DESK_SHOWS = "the desk's queue shows it; the rider has just done it himself"
_RIDER_JUST_DID = "the rider is doing it at this moment"

_REPORTED = {
    "new": _tell(
        _rider("received"),
        _staff("staff_new", None),
        Row(Audience.OFFICERS, "group_new", None),
        Row(Audience.DANGER_UNIT, "group_danger", Urgency.URGENT),
    )
}

_UPDATED = {
    "joined": _tell(_rider("joined")),
    "broken_again": _tell(_rider("broken_again")),
    "photo_added": _nobody(_DESK_SHOWS),
    "comment": _nobody(_DESK_SHOWS),
    "info_given": _nobody(_DESK_SHOWS),
    "says_fixed": _nobody(_DESK_SHOWS),
    "says_not_fixed": _nobody(_DESK_SHOWS),
    "appealed": _nobody(_DESK_SHOWS),
}

_CHANGED = {
    "state:reported": _nobody("incident-reported has told it"),
    "state:triaged": _nobody("a step on the way, seconds long; what follows is told"),
    "state:triaged_reason": _tell(_staff("staff_triage", None), values=("reason",)),
    "state:triaged_returned": _tell(_staff("staff_all_returned", None)),
    "state:triaged_appeal": _tell(_reporters("appeal_granted"), values=("reason",)),
    "state:dispatched": _nobody("the orders name the departments"),
    "state:reopened": _tell(_reporters("reopened"), values=("reason",)),
    "state:needs_info": _tell(_reporters("needs_info"), values=("question",)),
    "state:in_progress": _tell(_reporters("in_progress", Urgency.LOW)),
    "state:temporary_safe": _tell(
        _reporters("temporary_safe"), Row(Audience.DANGER_UNIT, "group_safe", Urgency.NORMAL)
    ),
    "state:resolved": _tell(_staff("fixed_for_staff", Urgency.LOW)),
    "state:closed": _nobody("7 days without an objection; the message about the repair has said so"),
    "state:duplicate": _tell(_reporters("duplicate"), values=("reason",)),
    "state:rejected": _tell(_reporters("rejected"), values=("reason",)),
    "state:closed_no_action": _tell(_reporters("no_action"), values=("reason",)),
    "state:parked": _tell(_reporters("parked"), values=("reason",)),
    "place": _tell(Row(Audience.NEW_STAFF, "staff_moved_here", None)),
    "category": _nobody("the desk shows it; a rider knows the thing by what he reported"),
    "merged": _nobody("the duplicate tells its reporters; the main incident's end names them too"),
    "unmerged": _nobody("the incident goes on by itself and is told of from here on"),
    "order_offered": _tell(
        _reporters("asked", Urgency.LOW), _department("department_offer", None), values=("department",)
    ),
    # A return is never told as one: the rider hears where it went instead (scenario 22).
    "order_moved": _tell(_reporters("moved"), _department("department_offer", None), values=("department",)),
    "order_returned": _nobody("whoever gets it next is told as moved"),
    "order_accepted": _tell(_reporters("accepted", Urgency.LOW), values=("department",)),
    "order_extension": _nobody("a matter between department and community"),
    "order_done": _nobody("fixed is only said when nothing of it is open: incident-resolved"),
    "order_withdrawn": _tell(_department("department_withdrawn"), values=("department",)),
    "reminder": _tell(_department("department_reminder"), values=("department",)),
    "escalated:accept_missed": _tell(_department("department_accept_missed", Urgency.URGENT), values=("department",)),
    "escalated:department_lead": _tell(_department("department_late", None), values=("department",)),
    "escalated:community_lead": _tell(_staff("staff_late", None), values=("department",)),
    "escalated:subdistrict_lead": _tell(Row(Audience.LEADS, "leads_late", None), values=("department",)),
}

_RESOLVED = {
    "department": _tell(_reporters("fixed"), *_groups("fixed_for_groups")),
    "self_fixed": _tell(_reporters("fixed_by_rider"), *_groups("fixed_for_groups")),
}

_DECIDED = {
    "approved": _nobody("points-awarded says it, with the points", of_case=False),
    "rejected": _passbook("activity_rejected", "activity", "reason"),
}

_RECORDED = {
    "for_captain": _tell(
        Row(Audience.CAPTAIN, "captain_activity", Urgency.NORMAL), values=("activity",), of_case=False
    ),
    "without_captain": _nobody("the desk's queue shows it; no captain is asked about it", of_case=False),
}

_AWARDED = {
    "hazard": _tell(_rider("points_awarded"), values=("points", "balance", "why")),
    "activity": _passbook("points_for_activity", "points", "balance", "why"),
    "cap": _passbook("points_capped", "balance", "why"),
}

_ADJUSTED = {
    "pending": _nobody(
        "the passbook shows it; a promise in the inbox would disappoint when it is voided", of_case=False
    ),
    "void": _nobody("never was in the balance; the incident's own message gives the reason", of_case=False),
    "reversal": _passbook("points_reversed", "points", "balance", "why"),
    "expiry": _passbook("points_expired", "points", "balance"),
    "redemption_reserved": _nobody(_RIDER_JUST_DID, of_case=False),
    "redemption_picked_up": _nobody(_RIDER_JUST_DID, of_case=False),
    "redemption_cancelled": _passbook("redemption_cancelled", "points", "balance"),
    "redemption_expired": _passbook("redemption_expired", "points", "balance"),
}

TABLE: Mapping[tuple[str, str], Entry] = {
    (topic.name, word): entry
    for topic, entries in (
        (INCIDENT_REPORTED, _REPORTED),
        (REPORT_UPDATED, _UPDATED),
        (INCIDENT_CHANGED, _CHANGED),
        (INCIDENT_RESOLVED, _RESOLVED),
        (POINTS_AWARDED, _AWARDED),
        (POINTS_ADJUSTED, _ADJUSTED),
        (ACTIVITY_DECIDED, _DECIDED),
        (ACTIVITY_RECORDED, _RECORDED),
    )
    for word, entry in entries.items()
}


def check(table: Mapping[tuple[str, str], Entry], templates: Mapping[str, Template]) -> None:
    """Raises `ValueError` naming every row whose template is missing, asks for what its event does not bring, or would show
    a group what a person wrote."""
    faults: list[str] = []
    for (topic, word), entry in table.items():
        provided = entry.values | (CASE_VALUES if entry.of_case else frozenset())
        for row in entry.rows:
            template = templates.get(row.template)
            absent = placeholders(template) - provided if template else {"the template itself"}
            faults += [f"{topic} {word}: {row.template}: nothing provides {name}" for name in sorted(absent)]
            written = placeholders(template) & _WRITTEN if template and row.audience in GROUPS else set()
            faults += [f"{topic} {word}: {row.template}: a group must not read {name}" for name in sorted(written)]
        sides = {(SIDES[row.audience], row.template) for row in entry.rows}
        if len(sides) != len({side for side, _ in sides}):
            faults.append(f"{topic} {word}: two texts for one side")
    if faults:
        raise ValueError("; ".join(faults))
