"""Saving an incident with the events that tell what happened to it: every command's last step."""

from services.dispatch import events
from services.dispatch.domain.incident import Happened, Incident
from services.dispatch.ports import CategoryRule, Incidents
from shared.context import Context
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Work

SERVICE = "dispatch"


def save(
    work: Work,
    incidents: Incidents,
    incident: Incident,
    category: CategoryRule,
    happened: list[Happened],
    context: Context,
) -> int:
    """Put the incident with one event for each thing that happened. Returns its new version."""
    actor_kind = context.actor.partition(":")[0]
    told = [events.tell(incident, category, event, actor_kind) for event in happened]
    outgoing = [Outgoing(SERVICE, topic, data, work.now, context, incident.cycle) for topic, data in told]
    return incidents.put(work, incident, *outgoing)
