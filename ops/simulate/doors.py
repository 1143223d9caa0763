"""Through which doors a day goes in: the front door, and each department's own way to Kafka."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.settings import KafkaSettings

Until = Callable[[timedelta], Awaitable[None]]
"""Returns when that moment of the played day has come. Only sending waits for it; nobody's clock is changed."""

Note = Callable[[str], None]
"""Gets one line for people."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Base URLs up to `/v1` by service. `administrator`, `staff`: bearer tokens. `departments`: their logins."""

    intake: str
    dispatch: str
    points: str
    administrator: str = field(repr=False)
    staff: str = field(repr=False)
    departments: Mapping[str, KafkaSettings] = field(repr=False)


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}
