"""Captains hear what waits for their word."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.notify.delivering import deliver
from services.notify.domain.case import Heard, riders_audiences
from services.notify.domain.member import Squad
from services.notify.domain.message import of_passbook
from services.notify.ports import Books
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class HearOfActivity:
    """Tell whoever leads the squad now; nobody, if that is the one who recorded it: he cannot recommend himself."""

    books: Books
    heard: Heard
    reference_version: str

    def reads(self) -> Iterable[Ref]:
        squad = [] if self.heard.squad is None else [self.books.squads.ref(self.heard.squad)]
        texts = [of_passbook(self.heard, row)[0] for row in self.heard.entry.rows]
        return [*squad, *(self.books.messages.ref(message.id) for message in texts)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """The captain's inbox."""
        return [self.books.recipients.ref(audience) for audience in self._audiences(work)]

    def decide(self, work: Work) -> None:
        for row in self.heard.entry.rows:
            message, _ = of_passbook(self.heard, row)
            told = replace(message, reference_version=self.reference_version)
            deliver(work, self.books, told, self._audiences(work))

    def _audiences(self, work: Work) -> list[str]:
        if self.heard.squad is None:
            return []
        squad = self.books.squads.get(work, self.heard.squad) or Squad(self.heard.squad)
        return riders_audiences(one for one in squad.captains if one not in self.heard.riders)
