"""Rule 4: the ledger of points."""

from collections import defaultdict
from collections.abc import Iterator

from ops.check.snapshot import Snapshot
from services.points.domain.entry import SYSTEM_ACCOUNTS, Entry, Kind
from services.points.domain.ledger import Sums, fold, total, verify_chain
from shared.contracts.points_awarded import PointsAwarded
from shared.contracts.topics import POINTS_AWARDED


def ledger(snapshot: Snapshot) -> tuple[int, list[str]]:
    """4: all accounts sum to nothing, passbooks are the fold of their entries, chains hold, awards were published."""
    return len(snapshot.entries), [*_accounts(snapshot), *_passbooks(snapshot), *_awards(snapshot)]


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
