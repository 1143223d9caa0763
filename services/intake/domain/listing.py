"""Lists of reports, the newest first, page by page; a page goes on where the last line of the one before stands."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.report import Report
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of a report in a list."""

    received_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class ReportListing:
    """Which reports of those in scope: after `after`, at most `limit`; None does not narrow."""

    limit: int = 20
    after: Mark | None = None
    state: str | None = None
    flag: str | None = None


def cursor_of(report: Report) -> str:
    """The place of a report in a list, as text for a client to send back as it is."""
    return base64.urlsafe_b64encode(f"{report.received_at.isoformat()}|{report.id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Mark:
    """What `cursor_of` wrote. Raises `Invalid` for anything else."""
    try:
        at, _, id_ = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode().partition("|")
        mark = Mark(datetime.fromisoformat(at), id_)
    except (ValueError, binascii.Error):
        raise Invalid.field("after", "is no cursor of this list") from None
    if mark.received_at.tzinfo is None or not id_:
        raise Invalid.field("after", "is no cursor of this list")
    return mark
