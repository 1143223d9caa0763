"""A lane's store, in memory or in MongoDB, together with ways to look into it and to change it behind its back."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pymongo import MongoClient

from ops.local.mongo import Database as Place
from shared.clock import system_clock
from shared.mongo.client import Client, Database, connect
from shared.mongo.indexes import Collection, prepare
from shared.mongo.lane import Transactor
from shared.mongo.transactions import OUTBOX, MongoTransactor
from shared.mongo.work import Document, Ref
from tests.support.memory import MemoryTransactor
from tests.support.stack import Stack


@dataclass(frozen=True)
class Store:
    """`get` reads a document and `rows` the outbox; `put` writes a document as another process would, at once."""

    transactor: Transactor
    get: Callable[[Ref], Document | None]
    put: Callable[[str, Document], None]
    rows: Callable[[], list[Document]]


@dataclass(frozen=True)
class MongoStore(Store):
    """The real one, with its clients: `database` as a service sees it, `behind` with every right."""

    place: Place
    client: Client
    database: Database
    behind: MongoClient[Document]


def in_memory() -> Store:
    """A dictionary."""
    store = MemoryTransactor()

    def put(collection: str, document: Document) -> None:
        store.documents[Ref(collection, document["_id"])] = document

    return Store(store, store.documents.get, put, lambda: store.rows)


@asynccontextmanager
async def in_mongo(stack: Stack, collections: Iterable[Collection] = ()) -> AsyncIterator[MongoStore]:
    """A database of its own, prepared."""
    place = await stack.mongo.new_database()
    client, behind = connect(place.uri, "test"), stack.mongo.client()
    database, looking = client[place.name], behind[place.name]
    await prepare(database, collections)

    def put(collection: str, document: Document) -> None:
        looking[collection].replace_one({"_id": document["_id"]}, document, upsert=True)

    try:
        yield MongoStore(
            MongoTransactor(client, database, system_clock),
            lambda ref: looking[ref.collection].find_one({"_id": ref.id}),
            put,
            lambda: list(looking[OUTBOX].find()),
            place,
            client,
            database,
            behind,
        )
    finally:
        client.close()
        behind.close()
