"""One digest into one inbox; it has the day in its key, so it may be put any number of times."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notify.delivering import deliver
from services.notify.domain.message import Message
from services.notify.ports import Books
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class PutDigest:
    """Nothing happens to an inbox that has it."""

    books: Books
    message: Message
    audience: str

    def reads(self) -> Iterable[Ref]:
        return [self.books.messages.ref(self.message.id), self.books.recipients.ref(self.audience)]

    def decide(self, work: Work) -> None:
        deliver(work, self.books, self.message, [self.audience])
