"""What every command that carries out an event takes from it."""

from shared.context import Context
from shared.contracts.envelope import Envelope


def context_of(envelope: Envelope) -> Context:
    """The story goes on: same correlation, this event as the cause."""
    return Context(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent)
