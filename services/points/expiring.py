"""The one command by which points expire, once a month and rider."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.points.domain.entry import Entry, Grounds, Kind, Step
from services.points.domain.growing_old import grown_old
from services.points.domain.keys import expiry_key
from services.points.ports import Books
from services.points.writing import SYSTEM, post_refs, write
from shared.context import Context
from shared.ids import NewId
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class GrowOld:
    """Take what a rider has from `period` (such as `2025-11`) and before. `earned` since then was counted when the passbook
    had `seen` entries; if it has others by now, nothing happens and the next night counts again. Answers the entry, None
    where nothing was written.
    """

    books: Books
    rider: str
    period: str
    seen: int
    earned: int
    rule_version: str
    reference_version: str
    context: Context
    new_id: NewId

    def reads(self) -> Iterable[Ref]:
        return post_refs(self.books, self.rider, [expiry_key(self.period, self.rider)])

    def decide(self, work: Work) -> Entry | None:
        book = self.books.passbooks.get(work, self.rider)
        written = self.books.entries.get(work, expiry_key(self.period, self.rider)) is not None
        if book is None or book.entries != self.seen or written:
            return None
        points = grown_old(book.balance, self.earned)
        if not points:
            return None
        step = Step(self.rider, Kind.EXPIRY, "", points, "grown_old", "", work.now)
        event = self.context.causation_id or self.context.correlation_id
        grounds = Grounds(
            book.subdistrict, "", "", self.rule_version, self.reference_version, event, SYSTEM, about=self.period
        )
        return write(work, self.books, step, grounds, self.context, self.new_id)
