"""Commands of notices: written, scheduled, taken back by a desk; begun, put into inboxes and ended by the worker."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.delivering import deliver
from services.notify.domain import broadcast as notices
from services.notify.domain.broadcast import Broadcast, State
from services.notify.ports import Books, Kept
from shared.errors import Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope

LONGEST = timedelta(days=366)
PART = 100
"""Inboxes that one transaction writes to."""


@dataclass(frozen=True, slots=True)
class WriteBroadcast:
    """A draft. The same id again is the same draft."""

    broadcasts: Kept[Broadcast]
    draft: Broadcast

    def reads(self) -> Iterable[Ref]:
        return [self.broadcasts.ref(self.draft.id)]

    def decide(self, work: Work) -> Broadcast:
        known = self.broadcasts.get(work, self.draft.id)
        if known is None:
            self.broadcasts.put(work, replace(self.draft, created=work.now))
        return known or replace(self.draft, created=work.now)


@dataclass(frozen=True, slots=True)
class DecideBroadcast:
    """Schedule or withdraw. Raises `NotFound` for one that is not the desk's, `Conflict` for one that is on its way."""

    broadcasts: Kept[Broadcast]
    id: str
    scope: Scope
    change: Callable[[Broadcast, datetime], Broadcast]

    def reads(self) -> Iterable[Ref]:
        return [self.broadcasts.ref(self.id)]

    def decide(self, work: Work) -> Broadcast:
        known = self.broadcasts.get(work, self.id)
        if known is None or not mine(known, self.scope):
            raise NotFound("there is no such notice for you")
        after = self.change(known, work.now)
        if after != known:
            self.broadcasts.put(work, after)
        return after


@dataclass(frozen=True, slots=True)
class BeginBroadcast:
    """From now on it cannot be taken back, and goes to these. Answers with it if it is to be sent."""

    broadcasts: Kept[Broadcast]
    id: str
    to: tuple[str, ...]

    def reads(self) -> Iterable[Ref]:
        return [self.broadcasts.ref(self.id)]

    def decide(self, work: Work) -> Broadcast | None:
        known = self.broadcasts.get(work, self.id)
        if known is None or known.state is State.SENDING:
            return known
        after = notices.begun(known, self.to, work.now)
        if after is not None:
            self.broadcasts.put(work, after)
        return after


@dataclass(frozen=True, slots=True)
class PutPart:
    """Into some inboxes; those that have it are passed over, so it may be repeated after a crash."""

    books: Books
    broadcast: Broadcast
    part: int
    audiences: tuple[str, ...]
    reference_version: str

    def reads(self) -> Iterable[Ref]:
        message = notices.message(self.broadcast, self.part, self.reference_version)
        return [self.books.messages.ref(message.id), *map(self.books.recipients.ref, self.audiences)]

    def decide(self, work: Work) -> None:
        message = notices.message(self.broadcast, self.part, self.reference_version)
        deliver(work, self.books, message, self.audiences)


@dataclass(frozen=True, slots=True)
class EndBroadcast:
    """Everybody has it."""

    broadcasts: Kept[Broadcast]
    id: str

    def reads(self) -> Iterable[Ref]:
        return [self.broadcasts.ref(self.id)]

    def decide(self, work: Work) -> None:
        known = self.broadcasts.get(work, self.id)
        if known is not None and known.state is State.SENDING:
            self.broadcasts.put(work, notices.ended(known, work.now))


def mine(broadcast: Broadcast, scope: Scope) -> bool:
    """Whether a desk may see and decide about it: all of its targets lie in its communities."""
    if not scope.desk or broadcast.subdistrict != scope.subdistrict:
        return False
    inside = bool(broadcast.communities) and set(broadcast.communities) <= set(scope.communities)
    return not scope.communities or inside


def at(wanted: datetime | None) -> Callable[[Broadcast, datetime], Broadcast]:
    """Schedule for then; None: at once. Raises `Invalid` for a time that is over or more than a year away."""

    def change(broadcast: Broadcast, now: datetime) -> Broadcast:
        if wanted is not None and not now <= wanted <= now + LONGEST:
            raise Invalid.field("at", "must lie between now and a year from now")
        return notices.scheduled(broadcast, wanted or now)

    return change
