"""How far forgetting a person is, across the services."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.contracts.topics import ACCOUNT_CHANGED, FIXED, dispatch_topic

Reason = Literal["own_wish", "left", "order"]
"""A word, because a text might name him: he asked for it; he left; a court or an authority ordered it."""

SERVICES = ("intake", *sorted(ACCOUNT_CHANGED.consumers))
KAFKA_DAYS = max(topic.retention_days for topic in (*FIXED, dispatch_topic("any")))
"""What was sent before may stand in a topic for so long after the last event."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """How far it is. `done`: when each service had nothing left, None while it goes on. `kafka_until`: until then topics may
    still hold events from before that name the person; their retention ends that, nobody can remove single events."""

    asked_at: datetime
    reason: str
    done: dict[str, datetime | None]
    kafka_until: datetime

    @property
    def complete(self) -> bool:
        """Whether no database names the person any more."""
        return all(self.done.values())


def forgetting_of(document: dict[str, Any]) -> Forgetting:
    """How far it is, from its document."""
    ended = [at for at in document["done"].values() if at is not None]
    last = max((document["asked_at"], *ended))
    return Forgetting(document["asked_at"], document["reason"], document["done"], last + timedelta(days=KAFKA_DAYS))
