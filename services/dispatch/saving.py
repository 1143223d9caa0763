"""The one place through which an incident is written, with an event for each thing that happened to it."""

from services.dispatch import events
from services.dispatch.domain.incident import Happened, Incident
from services.dispatch.domain.settling import Terms
from services.dispatch.ports import CategoryRule, Incidents, Rules
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


def terms_of(rules: Rules, incident: Incident) -> tuple[CategoryRule, Terms]:
    """What reference data says for the incident. Raises `LookupError` if it has no such category (any more)."""
    category = rules.category(incident.category, incident.condition)
    if category is None:
        raise LookupError(f"no category {incident.category} in the reference data")
    hours = rules.hours(incident.subdistrict)
    return category, Terms(category.limit, hours, rules.departments, category.repair)
