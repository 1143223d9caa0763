"""The one way by which a line comes into a passbook: entry, passbook and event in one transaction."""

from collections.abc import Iterable
from dataclasses import replace

from services.points import events
from services.points.domain.entry import Entry, Grounds, Passbook, Step
from services.points.domain.keys import key_of
from services.points.domain.ledger import append
from services.points.ports import Books
from shared.context import Context
from shared.errors import Conflict
from shared.ids import NewId
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work

SERVICE = "points"
SYSTEM = "system:points"


class Written(Conflict):
    """The ledger has this line already; nothing was written."""

    code = "already-written"


def post_refs(books: Books, rider: str, keys: Iterable[str]) -> Iterable[Ref]:
    """What a command must declare in `reads` to write lines under these natural keys into the rider's passbook."""
    yield books.passbooks.ref(rider)
    yield from (books.entries.ref(key) for key in keys)


def write(work: Work, books: Books, step: Step, grounds: Grounds, context: Context, new_id: NewId) -> Entry:
    """One entry, the passbook after it (a new one if the rider has none), and the event that tells of it.

    Raises `Written` if the natural key is taken, `Insufficient` if there are fewer points than it takes.
    """
    if books.entries.get(work, key_of(step, grounds)) is not None:
        raise Written(f"{key_of(step, grounds)} is in the ledger already")
    book = books.passbooks.get(work, step.rider) or Passbook(step.rider, grounds.subdistrict, new_id())
    after, entry = append(book, step, grounds, work.now)
    topic, data = events.tell(after, entry)
    told = Outgoing(SERVICE, topic, data, work.now, replace(context, actor=SYSTEM))
    books.entries.put(work, entry)
    books.passbooks.put(work, after, told)
    return entry
