"""Taking an award back: once, in full, by an event or by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.domain.entry import Entry, Grounds
from services.points.domain.keys import reversal_key
from services.points.domain.steps import AlreadyReversed, reversal
from services.points.ports import Books
from services.points.writing import post_refs, write
from shared.context import Context
from shared.errors import Forbidden, NotFound
from shared.ids import NewId
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Which entry of whose passbook, why (a word), and when that was found."""

    rider: str
    entry: Entry
    reason: str
    at: datetime


def take_back(work: Work, books: Books, wanted: TakeBack, context: Context, new_id: NewId) -> Entry:
    """Write the reversal. Raises `AlreadyReversed`, `NotReversible`."""
    entry = wanted.entry
    if books.entries.get(work, reversal_key(entry.id)) is not None:
        raise AlreadyReversed("this entry was reversed already")
    step = reversal(wanted.rider, entry, wanted.reason, wanted.at)
    grounds = Grounds(
        subdistrict=entry.subdistrict,
        incident=entry.incident,
        activity=entry.activity,
        rule_version=entry.rule_version,
        reference_version=entry.reference_version,
        event=context.causation_id or context.correlation_id,
        actor=context.actor,
        about=entry.about,
    )
    return write(work, books, step, grounds, context, new_id)


@dataclass(frozen=True, slots=True)
class Reverse:
    """Take back entry `id` of `rider` by hand. Answers the reversal.

    Raises `NotFound`, `Forbidden` for whoever has approved it himself, `AlreadyReversed`, `NotReversible`.
    """

    books: Books
    id: str
    rider: str
    reason: str
    scope: Scope
    context: Context
    new_id: NewId

    def reads(self) -> Iterable[Ref]:
        return post_refs(self.books, self.rider, [self.id, reversal_key(self.id)])

    def decide(self, work: Work) -> Entry:
        entry, book = self.books.entries.get(work, self.id), self.books.passbooks.get(work, self.rider)
        own = entry is not None and book is not None and entry.account == book.account
        if entry is None or not own or not self.scope.desk or entry.subdistrict != self.scope.subdistrict:
            raise NotFound("there is no such entry for you")
        if entry.actor == self.scope.actor:
            raise Forbidden("you have approved this entry yourself; somebody else must take it back")
        wanted = TakeBack(self.rider, entry, self.reason, work.now)
        return take_back(work, self.books, wanted, self.context, self.new_id)
