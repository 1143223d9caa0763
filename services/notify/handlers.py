"""One class per command or event: `reads` names what it looks at, `decide` is the whole transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from services.notify.delivering import deliver
from services.notify.domain.case import (
    Case,
    Heard,
    Letter,
    department_audiences,
    group_audiences,
    leads_audience,
    learn,
    news,
    rider_audience,
    staff_audience,
)
from services.notify.domain.message import Message, ReadMark, mark_id, message_id, of_case, of_passbook
from services.notify.domain.telling import SIDES, Audience
from services.notify.ports import Books, ReadMarks, Recipients, Standing
from shared.errors import Invalid
from shared.mongo.work import Ref, Work

_SIDES = {side: audience for audience, side in SIDES.items()}.values()
"""One audience of each side."""


@dataclass(frozen=True, slots=True)
class HearOfIncident:
    """Add what an event says of an incident to its case, and tell whoever can be told because of it."""

    books: Books
    heard: Heard
    incident: str
    reference_version: str

    def reads(self) -> Iterable[Ref]:
        """The case, the texts of this event, and every inbox that this event brings into the case: an event later in the
        same batch may write to it, without having seen that it is there."""
        books, heard = self.books, self.heard
        texts = [books.messages.ref(message_id(heard.key, side)) for side in _SIDES]
        return [books.cases.ref(self.incident), *texts, *(books.recipients.ref(name) for name in self._introduced())]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """What the event would write over the case as loaded."""
        before = self._case(work)
        for letter in news(before, learn(before, self.heard)):
            yield self.books.messages.ref(message_id(letter.step.key, letter.row.audience))
            yield self.books.recipients.ref(letter.audience)

    def decide(self, work: Work) -> None:
        before = self._case(work)
        after = learn(before, self.heard)
        if after == before:
            return
        for _, group in groupby(news(before, after), lambda letter: (letter.step.key, letter.row)):
            letters: list[Letter] = list(group)
            message = replace(of_case(after, letters[0]), reference_version=self.reference_version)
            deliver(work, self.books, message, [letter.audience for letter in letters])
        self.books.cases.put(work, after)

    def _case(self, work: Work) -> Case:
        return self.books.cases.get(work, self.incident) or Case(self.incident, self.heard.subdistrict)

    def _introduced(self) -> list[str]:
        heard = self.heard
        riders = [*heard.riders, *([heard.report.rider] if heard.report else [])]
        places = [where for where in (heard.where, heard.report.where if heard.report else None) if where]
        staff = [staff_audience(heard.subdistrict, where) for where in places]
        groups = [group for where in places for group in group_audiences(where)]
        leads = [leads_audience(heard.subdistrict)] if _tells_leads(heard) else []
        return [
            *map(rider_audience, riders),
            *staff,
            *groups,
            *department_audiences(heard.subdistrict, heard.department),
            *leads,
        ]


def _tells_leads(heard: Heard) -> bool:
    return any(row.audience is Audience.LEADS for row in heard.entry.rows)


@dataclass(frozen=True, slots=True)
class HearOfPassbook:
    """Tell a rider what happened in his passbook; it needs no incident to be understood."""

    books: Books
    heard: Heard
    reference_version: str

    def reads(self) -> Iterable[Ref]:
        for message, audiences in self._texts():
            yield self.books.messages.ref(message.id)
            yield from map(self.books.recipients.ref, audiences)

    def decide(self, work: Work) -> None:
        for message, audiences in self._texts():
            deliver(work, self.books, message, audiences)

    def _texts(self) -> list[tuple[Message, list[str]]]:
        made = [of_passbook(self.heard, row) for row in self.heard.entry.rows]
        return [(replace(message, reference_version=self.reference_version), audiences) for message, audiences in made]


@dataclass(frozen=True, slots=True)
class MarkRead:
    """One account has read an inbox up to a number. Marks only go forward."""

    marks: ReadMarks
    recipients: Recipients
    audience: str
    account: str
    up_to: int

    def reads(self) -> Iterable[Ref]:
        return [self.marks.ref(self._id()), self.recipients.ref(self.audience)]

    def decide(self, work: Work) -> Standing:
        """Returns how the account stands now. Raises `Invalid` for a number that the inbox has not reached."""
        inbox = self.recipients.get(work, self.audience)
        last = inbox.last if inbox else 0
        if self.up_to > last:
            raise Invalid.field("up_to", f"the last message of this inbox is {last}")
        mark = self.marks.get(work, self._id()) or ReadMark(self._id())
        if self.up_to > mark.up_to:
            mark = replace(mark, up_to=self.up_to)
            self.marks.put(work, mark)
        return Standing(last, mark.up_to)

    def _id(self) -> str:
        return mark_id(self.audience, self.account)
