"""Rule 4: the ledger of points."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from ops.check.snapshot import Snapshot
from services.points.domain.entry import REDEMPTION, SYSTEM_ACCOUNTS, Entry, Kind
from services.points.domain.ledger import Sums, fold, total, verify_chain
from services.points.domain.redemption import State
from services.points.domain.stock import Movement
from services.points.domain.stock_audit import look_at_stock
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import POINTS_AWARDED

_ENDS: dict[State, tuple[Kind, ...]] = {
    State.PICKED_UP: (Kind.PICK_UP,),
    State.CANCELLED: (Kind.CANCEL,),
    State.EXPIRED: (Kind.EXPIRE,),
}
"""By the state of a redemption, what the ledger has beside its reserve."""

_GONE = timedelta(days=365)
"""What ended so long ago may have been removed by age; its lines never are."""


def ledger(snapshot: Snapshot) -> tuple[int, list[str]]:
    """4: all accounts sum to nothing, passbooks are the fold of their entries, chains hold, awards were published, what
    was taken back was paid, every redemption is picked up xor returned, and no home has promised more than it has."""
    found = [*_accounts(snapshot), *_passbooks(snapshot), *_awards(snapshot)]
    return len(snapshot.entries), [*found, *_reversals(snapshot), *_redemptions(snapshot), *_stocks(snapshot)]


def _accounts(snapshot: Snapshot) -> Iterator[str]:
    folded = fold(snapshot.entries)
    if total(folded.values()) != Sums():
        yield f"all accounts: their sum is {total(folded.values())}"
    kept = {book.account for book in snapshot.passbooks}
    ends = {account for entry in snapshot.entries for account in (entry.debit, entry.credit)}
    strays = {account for account in ends - kept if not account.startswith(SYSTEM_ACCOUNTS)}
    yield from (f"account {account}: has entries and no passbook" for account in sorted(strays))


def _passbooks(snapshot: Snapshot) -> Iterator[str]:
    folded = fold(snapshot.entries)
    lines: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(snapshot.entries, key=lambda entry: entry.number):
        lines[entry.account].append(entry)
    for book in snapshot.passbooks:
        sums = folded.get(book.account, Sums())
        if Sums(book.balance, book.pending, book.owed) != sums:
            yield f"account {book.account}: shows {book.balance} and {book.pending} pending, its entries give {sums}"
        broken = verify_chain(lines[book.account], book.digest)
        if broken:
            yield f"account {book.account}: entry {broken.entry} {broken.reason}"
        if len(lines[book.account]) != book.entries:
            yield f"account {book.account}: {len(lines[book.account])} entries, {book.entries} were written"


def _awards(snapshot: Snapshot) -> Iterator[str]:
    """Entry by entry, which is more than their sums."""
    posted = {entry.id: entry for entry in snapshot.entries if entry.kind is Kind.POST}
    published: dict[str, int] = {}
    for event in snapshot.of(POINTS_AWARDED.name):
        assert isinstance(event.data, PointsAwarded)  # the only type on this topic
        published[event.data.entry] = event.data.points
        if event.data.entry not in posted:
            yield f"entry {event.data.entry}: was published as an award, the ledger does not have it"
    for entry in posted.values():
        if entry.id not in published:
            if entry.at >= snapshot.retained_from:
                yield f"entry {entry.id}: there is no points-awarded"
        elif published[entry.id] != entry.amount:
            yield f"entry {entry.id}: {entry.amount} points, {published[entry.id]} were published"


def _reversals(snapshot: Snapshot) -> Iterator[str]:
    """Each takes back one award, in full, and no award is taken back twice."""
    lines = {(entry.account, entry.number): entry for entry in snapshot.entries}
    taken: set[tuple[str, int]] = set()
    for entry in snapshot.entries:
        if entry.kind is not Kind.REVERSAL:
            continue
        place = entry.account, entry.of_number
        award = lines.get(place)
        if award is None or award.kind is not Kind.POST or award.amount != entry.amount:
            yield f"entry {entry.id}: line {entry.of_number} of its passbook is no award of {entry.amount} points"
        if place in taken:
            yield f"entry {entry.id}: line {entry.of_number} was taken back before"
        taken.add(place)


def _redemptions(snapshot: Snapshot) -> Iterator[str]:
    """The steps of each in the ledger, and its document: reserved once, then at most one of the ends, for the same points."""
    steps: dict[str, list[Entry]] = defaultdict(list)
    for entry in snapshot.entries:
        if entry.kind in REDEMPTION:
            steps[entry.about].append(entry)
    for redemption, found in sorted(steps.items()):
        kinds = [entry.kind for entry in found]
        if kinds.count(Kind.RESERVE) != 1 or len(kinds) > 2 or len({entry.amount for entry in found}) != 1:
            yield f"redemption {redemption}: has the steps {', '.join(sorted(kinds))}"
    if snapshot.narrowed:
        return
    documents = {redemption.id: redemption for redemption in snapshot.redemptions}
    for id_ in sorted({*steps} - {*documents}):
        ended = max((entry.at for entry in steps[id_] if entry.kind is not Kind.RESERVE), default=snapshot.taken_at)
        if ended > snapshot.taken_at - _GONE:
            yield f"redemption {id_}: is in the ledger and nowhere else"
    for id_, document in sorted(documents.items()):
        there = {entry.kind for entry in steps[id_]}
        if there != {Kind.RESERVE, *_ENDS.get(document.state, ())}:
            yield f"redemption {id_}: is {document.state}, the ledger has {', '.join(sorted(there)) or 'nothing'}"


def _stocks(snapshot: Snapshot) -> Iterator[str]:
    """What a home has of a prize is what its movements say, and it has not promised more."""
    lines: dict[str, list[Movement]] = defaultdict(list)
    for line in sorted(snapshot.movements, key=lambda line: line.number):
        lines[line.stock].append(line)
    for stock in snapshot.stocks:
        yield from (f"stock {stock.id}: {fault.reason}" for fault in look_at_stock(stock, lines[stock.id]))
