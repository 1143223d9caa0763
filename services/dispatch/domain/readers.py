"""Who of the departments on Kafka has read what it was told."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What a look at a department's groups found. `unread` messages, the first of them written at `unread_since`.

    Whatever was stored for the department before `read_until` was published and has been read.
    """

    department: str
    unread: int
    unread_since: datetime | None
    read_until: datetime
    looked_at: datetime


def has_read(reading: Reading | None, told_at: datetime) -> bool | None:
    """Whether the department has read what was decided to be told at `told_at`; None: nobody has looked since then, or the
    department is not told by Kafka. What came just before something unread may be said to be unread for a moment."""
    if reading is None or reading.looked_at <= told_at:
        return None
    return told_at < reading.read_until
