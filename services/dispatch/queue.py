"""What a desk may ask its queue for, and how it turns the page while the queue changes under it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import State
from shared.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """Behind which incident the next page begins: by where its clock starts, then by id.

    A page is asked for behind a place, not after a number of lines, so what comes or goes moves nothing over its edge.
    """

    t0: datetime
    id: str

    def __str__(self) -> str:
        return f"{(self.t0 - _EPOCH) // _MILLISECOND}.{self.id}"


def mark_of(incident: Incident) -> Mark:
    """The mark behind `incident`."""
    return Mark(incident.t0, incident.id)


def read_mark(text: str) -> Mark:
    """A mark as it was given out. Raises `Invalid`."""
    number, dot, id_ = text.partition(".")
    try:
        if not (dot and id_ and number.isascii()):
            raise ValueError(text)
        return Mark(_EPOCH + int(number) * _MILLISECOND, id_)
    except (ValueError, OverflowError):
        raise Invalid.field("after", "is no cursor: send what the header X-Next-Cursor of the last page said") from None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every field that is set narrows. `department`: has an order of it, open or not. `overdue_at`: has an open order whose
    deadline was before, and whose clock runs. `disputed`, `needs_location`: None is both."""

    state: State | None = None
    priority: Priority | None = None
    department: str | None = None
    community: str | None = None
    overdue_at: datetime | None = None
    disputed: bool | None = None
    needs_location: bool | None = None
    flag: str | None = None
    code: str | None = None
