"""What intake listens to: topic -> the command that carries the event out."""

from collections.abc import Mapping

from services.intake.handlers import FollowIncident
from services.intake.ports import Incidents
from shared.contracts.envelope import Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.topics import INCIDENT_CHANGED
from shared.mongo.inbox import Handle


def handlers(incidents: Incidents) -> Mapping[str, Handle]:
    """One entry a topic; `shared.kafka.agents.Consumer` does the rest."""

    def incident_changed(message: Message) -> FollowIncident:
        assert isinstance(message.data, IncidentChanged)  # the only type on this topic
        return FollowIncident(incidents, message.data, message.envelope.sequence)

    return {INCIDENT_CHANGED.name: incident_changed}
