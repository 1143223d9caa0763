"""A notice of a desk: a draft, then due at a time, then out. Until it is being sent it can be taken back."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.notify.domain.message import Message
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import NOTICE, render
from services.notify.domain.words import Words
from shared.errors import Conflict


class State(StrEnum):
    """`sending` from the first copy on: what has begun is carried through."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """`targets`: audiences as messages name them, or `riders:<code of a community, squad or the sub-district>`.
    `communities`: those that they lie in, () if one of them spans several. `due`: when it goes out (server time);
    `reached`: how many inboxes it was put into;
    `to`: which, from its beginning to its end, so that who carries on after a crash puts it into the same."""

    id: str
    subdistrict: str
    communities: tuple[str, ...]
    author: str
    title: Words
    text: Words
    urgency: Urgency
    targets: tuple[str, ...]
    state: State
    created: datetime
    due: datetime | None = None
    sent: datetime | None = None
    reached: int = 0
    to: tuple[str, ...] = ()


RIDERS = "riders:"


def scheduled(broadcast: Broadcast, at: datetime) -> Broadcast:
    """Due at that time; a second time moves it. Raises `Conflict`."""
    _only(broadcast, State.DRAFT, State.SCHEDULED)
    return replace(broadcast, state=State.SCHEDULED, due=at)


def withdrawn(broadcast: Broadcast) -> Broadcast:
    """Never to go out. Raises `Conflict` once it is on its way."""
    _only(broadcast, State.DRAFT, State.SCHEDULED, State.WITHDRAWN)
    return replace(broadcast, state=State.WITHDRAWN, due=None)


def begun(broadcast: Broadcast, to: tuple[str, ...], now: datetime) -> Broadcast | None:
    """On its way, or None if it is not due."""
    due = broadcast.state is State.SCHEDULED and broadcast.due is not None and broadcast.due <= now
    return replace(broadcast, state=State.SENDING, to=to) if due else None


def ended(broadcast: Broadcast, now: datetime) -> Broadcast:
    """Everybody has it."""
    return replace(broadcast, state=State.SENT, reached=len(broadcast.to), to=(), sent=now, due=None)


def message(broadcast: Broadcast, part: int, reference_version: str) -> Message:
    """Its text, for one part of those who get it."""
    zh, en, link = render(NOTICE, {"title": broadcast.title, "text": broadcast.text})
    return Message(
        id=f"notice:{broadcast.id}|{part:05d}",
        subdistrict=broadcast.subdistrict,
        event=f"notice:{broadcast.id}",
        incident=None,
        code=None,
        template="notice",
        parameters={"title": broadcast.title, "text": broadcast.text},
        urgency=broadcast.urgency,
        zh=zh,
        en=en,
        link=link,
        at=broadcast.due or broadcast.created,
        reference_version=reference_version,
        community=broadcast.communities[0] if len(broadcast.communities) == 1 else None,
        public=True,
    )


def _only(broadcast: Broadcast, *states: State) -> None:
    if broadcast.state not in states:
        raise Conflict(f"the notice is {broadcast.state.value}")
