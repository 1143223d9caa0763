"""What intake listens to: topic -> the command that carries the event out."""

from collections.abc import Mapping

from services.intake.domain.moving import Heard
from services.intake.domain.status import PointsLine
from services.intake.following import FollowMoves, FollowSpot, Together
from services.intake.forgetting import NoteForgotten
from services.intake.handlers import FollowIncident, FollowPoints, FollowResolved, Nothing
from services.intake.placing import FollowPlace
from services.intake.ports import Holdings
from shared.context import Context
from shared.contracts.account_forgotten import AccountForgotten
from shared.contracts.envelope import Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import (
    ACCOUNT_FORGOTTEN,
    INCIDENT_CHANGED,
    INCIDENT_RESOLVED,
    POINTS_ADJUSTED,
    POINTS_AWARDED,
)
from shared.mongo.inbox import Handle


def handlers(holdings: Holdings) -> Mapping[str, Handle]:
    """One entry a topic; `shared.kafka.agents.Consumer` does the rest."""
    statuses = holdings.statuses

    def incident_changed(message: Message) -> Together:
        change, sequence = message.data, message.envelope.sequence
        assert isinstance(change, IncidentChanged)  # the only type on this topic
        seen: FollowIncident | FollowPlace = FollowIncident(statuses, change, sequence, message.envelope.time)
        if change.place is not None:
            seen = FollowPlace(holdings.incidents, holdings.reports, change.incident, sequence, change.place, seen)
        return Together((seen, *_moves(holdings, change, message), FollowSpot(holdings, change.incident)))

    def incident_resolved(message: Message) -> FollowResolved:
        assert isinstance(message.data, IncidentResolved)  # the only type on this topic
        return FollowResolved(statuses, message.data)

    def points_awarded(message: Message) -> FollowPoints | Nothing:
        data = message.data
        assert isinstance(data, PointsAwarded)  # the only type on this topic
        if data.incident is None:
            return Nothing()
        line = PointsLine(data.entry, data.rider, "posted", data.points, data.reason, data.rule, message.envelope.time)
        return FollowPoints(statuses, data.incident, line)

    def points_adjusted(message: Message) -> FollowPoints | Nothing:
        data = message.data
        assert isinstance(data, PointsAdjusted)  # the only type on this topic
        if data.incident is None or data.kind not in ("pending", "void"):
            return Nothing()
        points = data.pending_points or 0
        line = PointsLine(data.entry, data.rider, data.kind, points, data.reason, None, message.envelope.time)
        return FollowPoints(statuses, data.incident, line)

    def account_forgotten(message: Message) -> NoteForgotten:
        assert isinstance(message.data, AccountForgotten)  # the only type on this topic
        return NoteForgotten(message.data)

    return {
        ACCOUNT_FORGOTTEN.name: account_forgotten,
        INCIDENT_CHANGED.name: incident_changed,
        INCIDENT_RESOLVED.name: incident_resolved,
        POINTS_AWARDED.name: points_awarded,
        POINTS_ADJUSTED.name: points_adjusted,
    }


def _moves(holdings: Holdings, change: IncidentChanged, message: Message) -> list[FollowMoves]:
    """Of the two kinds that move reports to another incident."""
    if change.kind not in ("merged", "unmerged") or change.other_incident is None:
        return []
    heard = Heard(change.kind, change.incident, change.other_incident, message.envelope.time)
    return [FollowMoves(holdings, heard, change.reports, change.subdistrict, context_of(message))]


def context_of(message: Message) -> Context:
    """The story goes on: same correlation, this event as the cause."""
    envelope = message.envelope
    return Context(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent)
