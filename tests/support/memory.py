"""A transactor over a dictionary: the same load, decide, write as MongoDB's, for tests and for simulation.

`tests/integration/test_transactor.py` runs the same suite over this one and over the real one.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from shared.mongo.lane import Contended, Taken
from shared.mongo.work import Document, Ref, Work

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


class MemoryTransactor:
    """Documents by reference, outbox rows in order. `fail` may raise before a transaction is written; `now` is its clock."""

    def __init__(self) -> None:
        self.documents: dict[Ref, Document] = {}
        self.rows: list[Document] = []
        self.transactions = 0
        self.now = NOW
        self.fail: Callable[[Work], None] = lambda work: None

    async def transact(self, refs: Iterable[Ref], decide: Callable[[Work], None], seconds: float) -> None:
        work = Work({ref: self.documents.get(ref) for ref in refs}, self.now)
        decide(work)
        self.fail(work)
        changes, rows = work.changes(), work.outbox_rows()
        for change in changes:
            stored = self.documents.get(change.ref)
            if (stored["version"] if stored else None) != change.expected:
                raise Taken if change.expected is None else Contended
        known = {row["_id"] for row in self.rows}
        if any(row["_id"] in known for row in rows):
            raise Taken
        for change in changes:
            if change.document is None:
                del self.documents[change.ref]
            else:
                self.documents[change.ref] = change.document
        self.rows.extend(rows)
        self.transactions += bool(changes)
