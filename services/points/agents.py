"""What points listens to: topic -> the command that carries the event out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.points.domain.incident import Fact
from services.points.facts import fact_of_change, fact_of_report, fact_of_resolution, fact_of_update
from services.points.handlers import Learn
from services.points.hearing import context_of
from services.points.ports import Books, Rules
from shared.contracts.envelope import Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.topics import INCIDENT_CHANGED, INCIDENT_REPORTED, INCIDENT_RESOLVED, REPORT_UPDATED
from shared.ids import NewId
from shared.mongo.inbox import Handle
from shared.mongo.work import Command, Ref, Work


@dataclass(frozen=True, slots=True)
class PassBy:
    """An event that says nothing to points; it is still ticked off as received."""

    def reads(self) -> Iterable[Ref]:
        return []

    def decide(self, work: Work) -> None:
        return None


def handlers(books: Books, rules: Rules, new_id: NewId) -> Mapping[str, Handle]:
    """One entry a topic; `shared.kafka.agents.Consumer` does the rest."""

    def incident_reported(message: Message) -> Command[None]:
        assert isinstance(message.data, IncidentReported)  # the only type on this topic
        return learning(message, fact_of_report(message.data, rules))

    def report_updated(message: Message) -> Command[None]:
        assert isinstance(message.data, ReportUpdated)  # the only type on this topic
        return learning(message, fact_of_update(message.data))

    def incident_changed(message: Message) -> Command[None]:
        assert isinstance(message.data, IncidentChanged)  # the only type on this topic
        return learning(message, fact_of_change(message.data, message.envelope.sequence, rules))

    def incident_resolved(message: Message) -> Command[None]:
        assert isinstance(message.data, IncidentResolved)  # the only type on this topic
        return learning(message, fact_of_resolution(message.data, rules))

    def learning(message: Message, fact: Fact | None) -> Command[None]:
        if fact is None:
            return PassBy()
        data = message.data
        return Learn(books, rules, data.subject, data.subdistrict, fact, context_of(message.envelope), new_id)

    return {
        INCIDENT_REPORTED.name: incident_reported,
        REPORT_UPDATED.name: report_updated,
        INCIDENT_CHANGED.name: incident_changed,
        INCIDENT_RESOLVED.name: incident_resolved,
    }
