"""What the projections must look like: the retained topics folded again, by the services' own rules."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.check.snapshot import Event, Snapshot, incident_of
from services.intake import agents as intake
from services.intake.domain.report import Incident, Report
from services.intake.domain.spot import Spot
from services.intake.domain.status import Status
from services.intake.ports import Holdings
from services.notify import agents as notify
from services.notify.domain.case import Case, Heard, learn
from services.notify.domain.words import Words, same
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_updated import ReportUpdated
from shared.mongo.records import Records
from shared.mongo.work import Document, Ref, Work

DROPPED = "dropped"

_STATUSES: Records[Status] = Records("statuses", Status)
_HOLDINGS = Holdings(Records("reports", Report), Records("incidents", Incident), _STATUSES, Records("spots", Spot))


class _Codes:
    """Every code is its own name: which messages are due does not depend on words."""

    version = ""

    def category(self, scheme: str, code: str) -> Words:
        return same(code)

    def public(self, scheme: str, code: str) -> bool:
        return False

    def department(self, code: str) -> Words:
        return same(code)

    def place(self, code: str) -> Words:
        return same(code)

    def communities(self, subdistrict: str) -> tuple[str, ...]:
        return ()

    def groups(self, subdistrict: str) -> Mapping[str, str | None]:
        return {}


@dataclass(slots=True)
class Facts:
    """What points must know of an incident, as far as it does not depend on reference data."""

    sightings: set[str]
    changes: int = 0
    state: str | None = None
    resolved: bool = False


def statuses(snapshot: Snapshot) -> dict[str, Status]:
    """Intake's view, by incident."""
    loaded: Mapping[Ref, Document | None] = defaultdict(lambda: None)
    work, handlers = Work(loaded, snapshot.taken_at), intake.handlers(_HOLDINGS)
    ids = set()
    for event in _heard(snapshot, "intake"):
        if event.topic in handlers:
            handlers[event.topic](event.message).decide(work)
            ids.add(incident_of(event.data) or "")
    found = {id_: _STATUSES.get(work, id_) for id_ in ids}
    return {id_: status for id_, status in found.items() if status is not None}


def cases(snapshot: Snapshot) -> dict[str, Case]:
    """Notify's view, by incident."""
    found: dict[str, Case] = {}
    for heard in told(snapshot):
        if heard.entry.of_case and heard.incident is not None:
            before = found.get(heard.incident) or Case(heard.incident, heard.subdistrict)
            found[heard.incident] = learn(before, heard)
    return found


def told(snapshot: Snapshot) -> Iterator[Heard]:
    """Every event of an incident that is there from its beginning, in notify's words."""
    for event in _heard(snapshot, "notify"):
        if event.topic in notify.READERS:
            yield notify.READERS[event.topic](event.message, _Codes())


def facts(snapshot: Snapshot) -> dict[str, Facts]:
    """Points' view, by incident."""
    found: dict[str, Facts] = defaultdict(lambda: Facts(set()))
    for event in _heard(snapshot, "points"):
        match event.data:
            case IncidentReported(incident=incident, report=report):
                found[incident].sightings.add(report)
            case ReportUpdated(kind="joined", incident=incident, report=report):
                found[incident].sightings.add(report)
            case IncidentResolved(incident=incident):
                found[incident].resolved = True
            case IncidentChanged(kind="state" | "merged" | "category" | "place"):
                _change(found[event.data.incident], event.data, event.message.envelope.sequence)
            case _:
                continue
    return found


def _change(known: Facts, change: IncidentChanged, sequence: int) -> None:
    if sequence > known.changes:
        known.changes = sequence
        state = "duplicate" if change.kind == "merged" else change.to_state
        known.state = state or known.state


def _heard(snapshot: Snapshot, service: str) -> Iterator[Event]:
    """What the service was to carry out: all but what an operator has dropped, of incidents whose beginning is there."""
    dropped = {letter.place for letter in snapshot.letters if letter.service == service and letter.state == DROPPED}
    whole = snapshot.whole
    for event in snapshot.events:
        if incident_of(event.data) in whole and event.place not in dropped:
            yield event
