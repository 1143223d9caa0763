"""What points knows of an incident: facts from four topics, in whatever order they come. Nothing is decided here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.points.domain.outstanding import Proposal

HAZARD = "hazard"
"""The activity that incidents pay for. What pays for another one is paid through that one's approval, not from here."""

PROMISING = ("triaged", "dispatched")
"""The states at whose first one points are promised."""

UNPAID = ("rejected", "duplicate", "closed_no_action")
"""The states that end a promise."""


class How(StrEnum):
    """How it was fixed."""

    DEPARTMENT = "department"
    SELF_FIXED = "self_fixed"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One rider's report of the incident. `captured_at` is his clock's, `received_at` the server's."""

    rider: str
    report: str
    captured_at: datetime
    received_at: datetime

    def counts_from(self, trusted: timedelta) -> datetime:
        """The time that counts: the rider's, if it is neither in the future nor more than `trusted` before receipt."""
        honest = self.received_at - trusted <= self.captured_at <= self.received_at
        return self.captured_at if honest else self.received_at


@dataclass(frozen=True, slots=True)
class Reported:
    """The first report. `activity`: what its category pays for, None for nothing."""

    sighting: Sighting
    activity: str | None
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Another rider has seen it too."""

    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Moved:
    """A new state; `emergency`: the class as it now is. `sequence` numbers the changes of one incident."""

    sequence: int
    state: str
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Recategorised:
    """Another category, and what that pays for."""

    sequence: int
    activity: str | None


@dataclass(frozen=True, slots=True)
class Placed:
    """Another place. It pays nothing; it says which community's desk may look."""

    sequence: int
    community: str | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """It is fixed. `sightings` in the order that dispatch froze; class and category are final."""

    cycle: int
    how: How
    emergency: bool
    activity: str | None
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """People have found one report bogus. Who joined it keeps what is his, and his place in the order."""

    report: str
    rider: str
    at: datetime


Fact = Reported | Joined | Moved | Recategorised | Placed | Resolved | Judged


@dataclass(frozen=True, slots=True)
class Incident:
    """The facts so far. `activity` means something once `reported` or `recategorised`; `changes`: the last one's sequence.

    `promised`: the first promising state; `emergency`: the class at that moment, which promises are priced with, so that
    they do not depend on when a report arrives. `unpaid`: why promises ended after that; there are no new ones then, but
    if it is fixed after all it is paid. `resolved`: the first resolution, the only one that pays. `community`: None while
    the place is uncertain; `placed` once it was corrected. `bogus`: reports for which nothing is paid. `outstanding`: who
    was proposed for having done more than report it.
    """

    id: str
    subdistrict: str
    sightings: tuple[Sighting, ...] = ()
    reported: bool = False
    recategorised: bool = False
    changes: int = 0
    activity: str | None = None
    state: str | None = None
    promised: str | None = None
    emergency: bool = False
    unpaid: str | None = None
    resolved: Resolved | None = None
    community: str | None = None
    placed: bool = False
    bogus: tuple[str, ...] = ()
    outstanding: tuple[Proposal, ...] = ()


def learn(incident: Incident, fact: Fact) -> Incident:
    """The incident with one more fact; a fact known already changes nothing."""
    if isinstance(fact, Moved | Recategorised | Placed):
        return incident if fact.sequence <= incident.changes else _changed(incident, fact)
    match fact:
        case Reported():
            activity = incident.activity if incident.recategorised else fact.activity
            community = incident.community if incident.placed else fact.community
            return replace(_saw(incident, fact.sighting), reported=True, activity=activity, community=community)
        case Joined():
            return _saw(incident, fact.sighting)
        case Resolved():
            return incident if incident.resolved else replace(incident, resolved=fact)
        case Judged():
            return (
                incident if fact.report in incident.bogus else replace(incident, bogus=(*incident.bogus, fact.report))
            )


def _saw(incident: Incident, sighting: Sighting) -> Incident:
    if any(known.report == sighting.report for known in incident.sightings):
        return incident
    return replace(incident, sightings=(*incident.sightings, sighting))


def _changed(incident: Incident, fact: Moved | Recategorised | Placed) -> Incident:
    changed = replace(incident, changes=fact.sequence)
    if isinstance(fact, Placed):
        return replace(changed, placed=True, community=fact.community)
    if isinstance(fact, Moved):
        return _moved(changed, fact)
    changed = replace(changed, recategorised=True, activity=fact.activity)
    return changed if fact.activity == HAZARD else _end_promises(changed, "category")


def _moved(incident: Incident, fact: Moved) -> Incident:
    moved = replace(incident, state=fact.state)
    if fact.state in PROMISING and incident.promised is None:
        return replace(moved, promised=fact.state, emergency=fact.emergency)
    return _end_promises(moved, fact.state) if fact.state in UNPAID else moved


def _end_promises(incident: Incident, why: str) -> Incident:
    """Only what was promised can end; before that, an appeal that is won may still lead to a promise."""
    return replace(incident, unpaid=incident.unpaid or why) if incident.promised else incident
