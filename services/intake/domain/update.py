"""What a rider adds to his report afterwards, and until when he may."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.intake.domain.status import OVER, Status
from shared.errors import Conflict, Invalid

UpdateKind = Literal["photo_added", "comment", "info_given", "says_fixed", "says_not_fixed", "appealed"]
"""The words of the contract."""

APPEAL = timedelta(days=7)
MOST_PHOTOS = 5
"""Of one report, those it came with included."""

MOST_UPDATES = 50
"""Of one report; who has more to say talks to the community. Keeps the document small."""


@dataclass(frozen=True, slots=True)
class Update:
    """One thing that was added; `text` is whole here and leaves intake with telephone numbers masked."""

    kind: UpdateKind
    at: datetime
    text: str | None = None
    photo_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    states: frozenset[str]
    because: str


_STATES = {
    "reported",
    "triaged",
    "needs_info",
    "dispatched",
    "in_progress",
    "temporary_safe",
    "parked",
    "resolved",
    *OVER,
}
_ALIVE = frozenset(_STATES - set(OVER))
_WHY_ALIVE = "nobody works on it any more; report it anew, or appeal if it was rejected"

WHILE: Mapping[UpdateKind, _Row] = {
    "photo_added": _Row(_ALIVE, _WHY_ALIVE),
    "comment": _Row(_ALIVE, _WHY_ALIVE),
    "info_given": _Row(frozenset({"needs_info"}), "no question is open; what you want to add is a comment"),
    "says_fixed": _Row(_ALIVE, _WHY_ALIVE),
    "says_not_fixed": _Row(
        frozenset({"resolved"}), "only what counts as fixed can be called not fixed; once closed it is reported anew"
    ),
    "appealed": _Row(frozenset({"rejected"}), "only a rejection can be appealed against"),
}
"""Every kind with the states of the incident in which it is taken, and what the rider is told in the others."""


def check_update(kind: UpdateKind, status: Status, before: tuple[Update, ...], now: datetime) -> None:
    """Raises `Conflict` that says what the state is, and `Invalid` when there are too many updates already."""
    row = WHILE[kind]
    if status.state not in row.states:
        raise Conflict(f"the incident is {status.state} now: {row.because}")
    if kind == "appealed":
        _check_appeal(status, before, now)
    if len(before) >= MOST_UPDATES:
        raise Invalid(f"a report takes {MOST_UPDATES} updates, this one has them")


def _check_appeal(status: Status, before: tuple[Update, ...], now: datetime) -> None:
    rejected_at = max((step.at for step in status.steps if step.what == "rejected"), default=None)
    if rejected_at is None:
        return
    if now - rejected_at > APPEAL:
        raise Conflict(f"the incident is rejected since {rejected_at.isoformat()}: an appeal is possible for 7 days")
    if any(update.kind == "appealed" and update.at >= rejected_at for update in before):
        raise Conflict("the incident is rejected, and you have appealed already; staff will decide")


def check_photos(present: tuple[str, ...], added: tuple[str, ...]) -> None:
    """Raises `Invalid` on `photo_ids` for a photo that the report has already, and for more than five in all."""
    for index, photo in enumerate(added):
        if photo in present or photo in added[:index]:
            raise Invalid.field(f"photo_ids.{index}", "is in the report already")
    if len(present) + len(added) > MOST_PHOTOS:
        raise Invalid.field("photo_ids", f"a report has at most {MOST_PHOTOS} photos, this one has {len(present)}")
