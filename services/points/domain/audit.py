"""Whether a passbook is what its entries say: the cache, the number of lines, the chain."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.points.domain.entry import Entry, Passbook
from services.points.domain.ledger import Sums, fold, total, verify_chain


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one account; `entry` is the first line that does not hold, empty if it is the passbook itself."""

    account: str
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """One look at the books. `sum`: what passbooks show and system accounts have, which is nothing, taken together."""

    passbooks: int
    entries: int
    sum: Sums
    faults: tuple[Fault, ...]

    @property
    def differing(self) -> int:
        """Accounts with something wrong."""
        return len({fault.account for fault in self.faults})

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return self.sum == Sums() and not self.faults


def look_at(book: Passbook, entries: Sequence[Entry]) -> list[Fault]:
    """What is wrong with a passbook and all its entries, in order of number."""
    found = []
    sums, shown = fold(entries).get(book.account, Sums()), shown_by(book)
    if shown != sums:
        found.append(Fault(book.account, "", f"shows {_say(shown)}; its entries give {_say(sums)}"))
    if len(entries) != book.entries:
        found.append(Fault(book.account, "", f"{len(entries)} entries are there, {book.entries} were written"))
    broken = verify_chain(entries, book.digest)
    if broken:
        found.append(Fault(book.account, broken.entry, broken.reason))
    return found


def shown_by(book: Passbook) -> Sums:
    """The cache."""
    return Sums(book.balance, book.pending, book.owed)


def of_others(account: str, entries: Iterable[Entry]) -> Sums:
    """What entries of one passbook give to all accounts but its own."""
    return total(sums for name, sums in fold(entries).items() if name != account)


def _say(sums: Sums) -> str:
    return f"{sums.posted} points, {sums.pending} promised, {sums.owed} owed"
