"""Lists page by page: a page goes on where the last line of the one before stands."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of a line in a list that is ordered by time, then id."""

    at: datetime
    id: str


def cursor_of(mark: Mark) -> str:
    """As text for a client to send back as it is."""
    return base64.urlsafe_b64encode(f"{mark.at.isoformat()}|{mark.id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Mark:
    """What `cursor_of` wrote. Raises `Invalid` for anything else."""
    try:
        at, _, id_ = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().partition("|")
        mark = Mark(datetime.fromisoformat(at), id_)
    except (ValueError, binascii.Error):
        raise Invalid.field("after", "is no cursor of this list") from None
    if mark.at.tzinfo is None or not id_:
        raise Invalid.field("after", "is no cursor of this list")
    return mark
