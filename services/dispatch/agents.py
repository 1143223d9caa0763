"""What dispatch listens to: topic -> the command that carries the event out."""

from collections.abc import Iterable, Mapping

from services.dispatch.handlers import ReceiveReport, ReceiveUpdate
from services.dispatch.hearing import HearReporter
from services.dispatch.ports import Incidents, Receipts, Rules
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import Message
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.topics import INCIDENT_REPORTED, REPORT_UPDATED, department_updates_topic
from shared.mongo.inbox import Handle


def handlers(
    incidents: Incidents, rules: Rules, receipts: Receipts, departments: Iterable[str]
) -> Mapping[str, Handle]:
    """One entry a topic; `shared.kafka.agents.Consumer` does the rest."""

    def incident_reported(message: Message) -> ReceiveReport:
        assert isinstance(message.data, IncidentReported)  # the only type on this topic
        return ReceiveReport(incidents, rules, message.data, context_of(message))

    def report_updated(message: Message) -> HearReporter:
        assert isinstance(message.data, ReportUpdated)  # the only type on this topic
        return HearReporter(incidents, rules, message.data, context_of(message))

    def updates_of(department: str) -> Handle:
        def department_update(message: Message) -> ReceiveUpdate:
            assert isinstance(message.data, DepartmentUpdate)  # the only type on these topics
            return ReceiveUpdate(incidents, rules, receipts, department, message.data, context_of(message))

        return department_update

    of_departments = {department_updates_topic(code).name: updates_of(code) for code in sorted(departments)}
    return {INCIDENT_REPORTED.name: incident_reported, REPORT_UPDATED.name: report_updated, **of_departments}


def context_of(message: Message) -> Context:
    """The story goes on: same correlation, this event as the cause."""
    envelope = message.envelope
    return Context(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent)
