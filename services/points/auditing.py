"""Reads all passbooks with all their entries and compares: for the nightly job, and for `qianshao points check`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from services.points.domain.audit import Fault, Found, look_at, of_others, shown_by
from services.points.domain.entry import Entry, Passbook
from services.points.domain.ledger import Sums, total
from services.points.domain.stock import Movement, Stock
from services.points.domain.stock_audit import look_at_stock
from shared.mongo.client import Database, Document
from shared.mongo.records import Records

_PASSBOOKS: Records[Passbook] = Records("passbooks", Passbook)
_ENTRIES: Records[Entry] = Records("entries", Entry)
_STOCKS: Records[Stock] = Records("stocks", Stock)
_MOVEMENTS: Records[Movement] = Records("movements", Movement)
_TRIES = 20


class Moving(RuntimeError):
    """A passbook or stock was written to during every look at it."""


async def go_on() -> bool:
    """Nobody else wants to."""
    return True


@dataclass(slots=True)
class _Tally:
    passbooks: int = 0
    entries: int = 0
    sums: list[Sums] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def found(self) -> Found:
        return Found(self.passbooks, self.entries, total(self.sums), tuple(self.faults))


async def audit(database: Database, query: Document, may: Callable[[], Awaitable[bool]] = go_on) -> Found | None:
    """Compare the passbooks that `query` names, {} for all: then also the sum of all accounts,
    entries without one, and stocks with their movements.

    Live: whatever is written meanwhile is looked at as it was or as it is. `may` is asked before each passbook whether to
    go on; None if not. Raises what the driver raises, and `Moving`.
    """
    tally = _Tally()
    async for document in database["passbooks"].find(query, {"_id": 1}).sort("_id", 1):
        if not await may():
            return None
        await _passbook(database, document["_id"], tally)
    if not query:
        await _strays(database, tally)
        async for document in database["stocks"].find({}, {"_id": 1}).sort("_id", 1):
            await _stock(database, document["_id"], tally)
    return tally.found()


async def _passbook(database: Database, id_: str, tally: _Tally) -> None:
    for _ in range(_TRIES):
        before = await database["passbooks"].find_one({"_id": id_})
        if before is None:
            return  # forgotten meanwhile: under its pseudonym it is looked at the next time
        book = _PASSBOOKS.load(before)
        entries = await _entries_of(database, book.account)
        after = await database["passbooks"].find_one({"_id": id_}, {"version": 1})
        if after is not None and after["version"] == before["version"]:
            tally.passbooks, tally.entries = tally.passbooks + 1, tally.entries + len(entries)
            tally.sums += [shown_by(book), of_others(book.account, entries)]
            tally.faults += look_at(book, entries)
            return
    raise Moving(f"passbook of account {book.account}")


async def _strays(database: Database, tally: _Tally) -> None:
    """Entries of accounts that have no passbook."""
    accounts: list[Document] = [
        {"$group": {"_id": "$account"}},
        {"$lookup": {"from": "passbooks", "localField": "_id", "foreignField": "account", "as": "book"}},
        {"$match": {"book": []}},
    ]
    async for row in database["entries"].aggregate(accounts):
        entries = await _entries_of(database, row["_id"])
        tally.entries += len(entries)
        tally.sums.append(of_others(row["_id"], entries))
        tally.faults.append(Fault(row["_id"], entries[0].id, f"{len(entries)} entries and no passbook"))


async def _stock(database: Database, id_: str, tally: _Tally) -> None:
    for _ in range(_TRIES):
        before = await database["stocks"].find_one({"_id": id_})
        lines = await database["movements"].find({"stock": id_}).sort("number", 1).to_list(None)
        after = await database["stocks"].find_one({"_id": id_}, {"version": 1})
        if before is not None and after is not None and before["version"] == after["version"]:
            tally.faults += look_at_stock(_STOCKS.load(before), [_MOVEMENTS.load(line) for line in lines])
            return
    raise Moving(f"stock {id_}")


async def _entries_of(database: Database, account: str) -> list[Entry]:
    found = await database["entries"].find({"account": account}).sort("number", 1).to_list(None)
    return [_ENTRIES.load(document) for document in found]
