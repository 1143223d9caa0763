"""Who caused something and in which story: travels from the request through every event it leads to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """`actor` is `kind:id`, for example `rider:0192…`; `correlation_id` names the whole story, `causation_id` the event or
    request just before; `traceparent` is the W3C trace context, carried unchanged."""

    actor: str
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
