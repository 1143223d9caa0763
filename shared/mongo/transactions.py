"""One lane batch as one MongoDB transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable

import pymongo
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.errors import PyMongoError

from shared.clock import Clock
from shared.crash import crash_point
from shared.mongo.client import DURABLE, SNAPSHOT, Client, Database, Document, is_contention, is_duplicate, is_transient
from shared.mongo.lane import Contended, Taken, Transient
from shared.mongo.work import Change, Ref, Work

OUTBOX = "outbox"
_COMMIT_TRIES = 3

Write = InsertOne[Document] | ReplaceOne[Document] | DeleteOne


class MongoTransactor:
    """Loads with one read a collection, writes with one bulk a collection, commits with majority and journal."""

    def __init__(self, client: Client, database: Database, clock: Clock) -> None:
        self._client = client
        self._database = database
        self._clock = clock

    async def transact(self, refs: Iterable[Ref], decide: Callable[[Work], None], seconds: float) -> None:
        """See `Transactor`. Shielded: once begun it ends with commit or abort, also when the caller is cancelled."""
        task = asyncio.create_task(self._transact(list(refs), decide, seconds))
        task.add_done_callback(_looked_at)
        await asyncio.shield(task)

    async def _transact(self, refs: list[Ref], decide: Callable[[Work], None], seconds: float) -> None:
        try:
            with pymongo.timeout(seconds):
                async with await self._client.start_session() as session:
                    # Transactions do not inherit the client's concerns: without these a commit is neither
                    # a snapshot nor durable, and nothing says so.
                    session.start_transaction(read_concern=SNAPSHOT, write_concern=DURABLE)
                    work = Work(await self._load(refs, session), self._clock())
                    decide(work)
                    changes, rows = work.changes(), work.outbox_rows()
                    if not changes and not rows:
                        await session.abort_transaction()
                        return
                    await self._write(changes, rows, session)
                    crash_point("lane.in_transaction")
                    await _commit(session)
                    crash_point("lane.after_commit")
        except (PyMongoError, BSONError) as error:
            if is_duplicate(error):
                raise Taken from error
            if is_contention(error):
                raise Contended from error
            if is_transient(error):
                raise Transient from error
            raise

    async def _load(self, refs: list[Ref], session: AsyncIOMotorClientSession) -> dict[Ref, Document | None]:
        found: dict[Ref, Document | None] = dict.fromkeys(refs)
        wanted: dict[str, list[str]] = defaultdict(list)
        for ref in refs:
            wanted[ref.collection].append(ref.id)
        for collection, ids in wanted.items():
            cursor = self._database[collection].find({"_id": {"$in": ids}}, session=session)
            for document in await cursor.to_list(None):
                found[Ref(collection, document["_id"])] = document
        return found

    async def _write(self, changes: list[Change], rows: list[Document], session: AsyncIOMotorClientSession) -> None:
        writes: dict[str, list[Write]] = defaultdict(list)
        guarded: dict[str, int] = defaultdict(int)
        for change in changes:
            writes[change.ref.collection].append(_write_of(change))
            guarded[change.ref.collection] += change.expected is not None
        writes[OUTBOX].extend(InsertOne(row) for row in rows)
        for collection, requests in writes.items():
            if not requests:
                continue
            result = await self._database[collection].bulk_write(requests, ordered=True, session=session)
            if result.matched_count + result.deleted_count != guarded[collection]:
                raise Contended(f"a document in {collection} has another version now")


def _looked_at(task: "asyncio.Task[None]") -> None:
    """A caller that was cancelled will not look, and asyncio would log what failed as never retrieved."""
    if not task.cancelled():
        task.exception()


def _write_of(change: Change) -> Write:
    if change.expected is None:
        assert change.document is not None  # Work.changes leaves out what neither was nor is
        return InsertOne(change.document)
    guard = {"_id": change.ref.id, "version": change.expected}
    return DeleteOne(guard) if change.document is None else ReplaceOne(guard, change.document)


async def _commit(session: AsyncIOMotorClientSession) -> None:
    """Commit, repeating while the outcome is unknown; commits are idempotent on the server."""
    for attempt in range(_COMMIT_TRIES):
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if attempt + 1 == _COMMIT_TRIES or not error.has_error_label("UnknownTransactionCommitResult"):
                raise
    return None
