"""Rules 1, 2 and 7: reports, offers and escalations."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from ops.check.snapshot import Event, Snapshot
from services.dispatch.domain.incident import Incident, Order
from services.dispatch.domain.states import State
from services.intake.domain.report import Incident as Opened
from services.intake.domain.waiting import PATIENCE
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.topics import INCIDENT_CHANGED, INCIDENT_REPORTED, dispatch_topic
from shared.ids import report_id
from shared.pseudonym import is_pseudonym

_TRIAGE_MINUTES = 5
"""domain.md: an emergency at an uncertain place escalates after five minutes in triage."""

_LATE = timedelta(seconds=60)
"""How long what is due may take; after a fault, too."""


def reports(snapshot: Snapshot) -> tuple[int, list[str]]:
    """1: a report exists once, under the id that follows from its sender and key, with its incident and one event."""
    return len(snapshot.reports), [*_stored(snapshot), *_reported(snapshot)]


def _stored(snapshot: Snapshot) -> Iterator[str]:
    opened = {incident.id: incident for incident in snapshot.opened}
    for id_, times in Counter(report.id for report in snapshot.reports).items():
        if times > 1:
            yield f"report {id_}: is stored {times} times"
    for report in snapshot.reports:
        forgotten = is_pseudonym(report.rider) or is_pseudonym(report.sender)
        if not forgotten and report.id != report_id(report.sender, report.client_key):
            yield f"report {report.id}: its id does not follow from sender and client key"
        if report.incident not in opened or report.id not in opened[report.incident].reports:
            yield f"report {report.id}: its incident {report.incident} does not know it"
        if not report.told and snapshot.taken_at > report.received_at + PATIENCE + _LATE:
            yield f"report {report.id}: has waited for its photos since {report.received_at} and has not gone out"


def _reported(snapshot: Snapshot) -> Iterator[str]:
    events: dict[str, list[IncidentReported]] = defaultdict(list)
    for event in snapshot.of(INCIDENT_REPORTED.name):
        assert isinstance(event.data, IncidentReported)  # the only type on this topic
        events[event.data.incident].append(event.data)
    known = {incident.id for incident in snapshot.opened}
    yield from (f"incident {id_}: was published, intake does not have it" for id_ in events if id_ not in known)
    received = {report.id: report.received_at for report in snapshot.reports}
    waiting = {report.id for report in snapshot.reports if not report.told}
    for incident in snapshot.opened:
        first = _opener(incident)
        if received.get(first, snapshot.taken_at) < snapshot.retained_from:
            continue
        told = [event.report for event in events[incident.id]]
        if told != ([first] if first and first not in waiting else []):
            yield f"incident {incident.id}: has {len(told)} incident-reported events, of reports {', '.join(told) or '-'}"


def _opener(incident: Opened) -> str:
    """The report that it was published with. One that staff parted from another has none, and older ones do not note it."""
    if incident.opened_by is not None:
        return incident.opened_by
    return incident.reports[0] if incident.reports else ""


def offers(snapshot: Snapshot) -> tuple[int, list[str]]:
    """2: every reported incident is triaged or offered; each order's messages stand in its department's topic alone."""
    incidents = {incident.id: incident for incident in snapshot.dispatched}
    found = []
    for id_ in snapshot.whole:
        if id_ not in incidents:
            found.append(f"incident {id_}: was reported, dispatch does not have it")
        elif incidents[id_].state is State.REPORTED:
            found.append(f"incident {id_}: is neither triaged nor offered")
    return len(snapshot.whole), [*found, *_messages(snapshot, incidents)]


def _messages(snapshot: Snapshot, incidents: dict[str, Incident]) -> Iterator[str]:
    told: dict[str, list[Event]] = defaultdict(list)
    for event in snapshot.events:
        if isinstance(event.data, DispatchOrder) and event.data.work_order is not None:
            told[event.data.order].append(event)
    orders = {order.id: order for incident in incidents.values() for order in incident.orders}
    yield from (
        f"order {id_}: was told to a department, dispatch does not have it" for id_ in told if id_ not in orders
    )
    for order in orders.values():
        if order.offered_at >= snapshot.retained_from:
            yield from _told(order, told[order.id])


def _told(order: Order, events: list[Event]) -> Iterator[str]:
    own = dispatch_topic(order.department).name
    yield from (f"order {order.id}: was told to {event.topic}" for event in events if event.topic != own)
    numbers = sorted(event.data.seq for event in events if isinstance(event.data, DispatchOrder))
    if numbers != list(range(1, order.seq + 1)):
        yield f"order {order.id}: {own} has its messages {numbers}, {order.seq} were sent"


def escalations(snapshot: Snapshot) -> tuple[int, list[str]]:
    """7: each level once per order and cycle, never before its moment; what was told has fired."""
    incidents = {incident.id: incident for incident in snapshot.dispatched}
    times: Counter[tuple[str, str, int, str]] = Counter()
    found = [violation for incident in snapshot.dispatched for violation in _fired(incident)]
    for event in snapshot.events:
        data, cycle = event.data, event.message.envelope.cycle or 1
        if isinstance(data, IncidentChanged) and data.kind in ("escalated", "reminder"):
            level = data.level or "reminder"
            times[INCIDENT_CHANGED.name, _whose(data), cycle, level] += 1
            found += _early(data, level, incidents.get(data.incident), event.message.envelope.recorded_time)
        elif isinstance(data, DispatchOrder) and data.kind in ("escalate", "remind"):
            times[event.topic, data.order, cycle, data.level or "reminder"] += 1
    found += [
        f"order {o}, cycle {c}: {level} {n} times on {topic}" for (topic, o, c, level), n in times.items() if n > 1
    ]
    return sum(len(incident.orders) for incident in snapshot.dispatched), found


def _whose(data: IncidentChanged) -> str:
    """The order; of the incident itself each thing that was waited for counts alone."""
    return data.order.id if data.order else f"{data.incident} ({data.reason})"


def _fired(incident: Incident) -> Iterator[str]:
    """What dispatch keeps of its ladder: no level twice, none before it was due."""
    for order in incident.orders:
        for level, number in Counter(fired.level for fired in order.fired).items():
            if number > 1:
                yield f"order {order.id}: {level} is kept {number} times"
        for fired in order.fired:
            if fired.at < fired.due:
                yield f"order {order.id}: {fired.level} fired at {fired.at}, before {fired.due}"


def _early(data: IncidentChanged, level: str, incident: Incident | None, told: datetime) -> Iterator[str]:
    moment = _moment(data, level, incident)
    if moment is not None and told < moment:
        yield f"order {_whose(data)}: {level} at {told}, before {moment}"
    order = incident.order(data.order.id) if incident and data.order else None
    if order is not None and level not in [fired.level for fired in order.fired]:
        yield f"order {order.id}: {level} was told and has not fired"


def _moment(data: IncidentChanged, level: str, incident: Incident | None) -> datetime | None:
    """The moment that dispatch kept with the level; where it kept none, what can be said by the wall clock alone."""
    order = incident.order(data.order.id) if incident and data.order else None
    kept = order.fired if order else incident.fired if incident else ()
    for fired in kept:
        if fired.level == level and (order is not None or fired.reason == data.reason):
            return fired.due
    if data.order is None:
        return incident.t0 + timedelta(minutes=_TRIAGE_MINUTES) if incident else None
    if level == "accept_missed":
        return data.order.accept_by
    return data.order.due_at if level in ("community_lead", "subdistrict_lead") else None
