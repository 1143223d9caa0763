"""Rule 3: what is resolved was published, processed and paid."""

from collections import Counter
from collections.abc import Iterator

from ops.check.snapshot import Event, Snapshot
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import State
from services.points.domain.entry import Kind
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.topics import INCIDENT_RESOLVED


def resolutions(snapshot: Snapshot) -> tuple[int, list[str]]:
    """3: what is resolved was published, and processed by points, notify and intake; awards follow from it, once."""
    pairs = {(incident.id, cycle) for incident in snapshot.dispatched for cycle in _cycles(incident)}
    retained = {pair for pair in pairs if pair[0] in snapshot.whole}
    return len(pairs), [*_published(snapshot, pairs, retained), *_paid(snapshot, pairs)]


def _cycles(incident: Incident) -> range:
    """Cycles that ended in `resolved`: a new one begins only after that."""
    resolved = sum(line.what.endswith(f"-> {State.RESOLVED}") for line in incident.history)
    return range(1, resolved + 1)


def _published(snapshot: Snapshot, pairs: set[tuple[str, int]], retained: set[tuple[str, int]]) -> Iterator[str]:
    events: dict[tuple[str, int], Event] = {}
    for event in snapshot.of(INCIDENT_RESOLVED.name):
        assert isinstance(event.data, IncidentResolved)  # the only type on this topic
        events[event.data.incident, event.data.cycle] = event
        if event.id != f"incident-resolved:{event.data.incident}:{event.data.cycle}":
            yield f"incident {event.data.incident}: resolved under another id, {event.id}"
    noted = {(status.id, fixed.cycle) for status in snapshot.statuses for fixed in status.fixed}
    yield from (
        f"{_pair(p)}: was published as resolved, dispatch has not resolved it" for p in sorted({*events} - pairs)
    )
    yield from (f"{_pair(p)}: intake shows it fixed, dispatch has not resolved it" for p in sorted(noted - pairs))
    for pair in sorted(retained):
        if pair not in events:
            yield f"{_pair(pair)}: is resolved, there is no incident-resolved"
            continue
        for service in INCIDENT_RESOLVED.consumers:
            if events[pair].dedupe not in snapshot.inbox.get(service, ()):
                yield f"{_pair(pair)}: {service} has not processed its resolution"
        if pair not in noted:
            yield f"{_pair(pair)}: intake does not show it fixed"


def _paid(snapshot: Snapshot, pairs: set[tuple[str, int]]) -> Iterator[str]:
    resolved = {incident for incident, _ in pairs}
    known = {incident.id for incident in snapshot.dispatched}
    posts = [entry for entry in snapshot.entries if entry.kind is Kind.POST]
    of_incidents = [entry for entry in posts if entry.incident]
    for entry in of_incidents:
        # a narrowed snapshot has other incidents' entries of the same riders
        if entry.incident not in resolved and (entry.incident in known or not snapshot.narrowed):
            yield f"entry {entry.id}: incident {entry.incident} was paid without a resolution"
    for (incident, rule, account), times in Counter((e.incident, e.rule, e.account) for e in of_incidents).items():
        if times > 1:
            yield f"incident {incident}: {rule} was paid {times} times to account {account}"
    others = Counter((entry.about, entry.account) for entry in posts if not entry.incident)
    yield from (
        f"activity {about}: was paid {times} times to account {account}"
        for (about, account), times in others.items()
        if times > 1
    )


def _pair(pair: tuple[str, int]) -> str:
    return f"incident {pair[0]}, cycle {pair[1]}"
