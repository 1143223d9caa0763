"""Collections and indexes of the plumbing, made before any traffic; a service adds its own in `store.py`."""

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo import ASCENDING, IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from shared.mongo.client import Database
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import HELD_KEYS, INBOX
from shared.mongo.inbox import KEEP_SECONDS as KEEP_INBOX_SECONDS
from shared.mongo.outbox import KEEP_PUBLISHED_SECONDS
from shared.mongo.person import FORGETTINGS
from shared.mongo.transactions import OUTBOX

_NAMESPACE_EXISTS = 48


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection this service owns and how it is found in."""

    name: str
    indexes: tuple[IndexModel, ...] = ()


def expiring(field: str, seconds: int) -> IndexModel:
    """Documents leave by themselves, this long after the time in `field` (null: never)."""
    return IndexModel([(field, ASCENDING)], name="keep", expireAfterSeconds=seconds)


PLUMBING = (
    Collection(
        OUTBOX,
        (
            IndexModel([("stored", ASCENDING)], name="waiting", partialFilterExpression={"published": None}),
            IndexModel([("key", ASCENDING)], name="waiting_key", partialFilterExpression={"published": None}),
            IndexModel([("parked", ASCENDING)], name="parked", partialFilterExpression={"parked": {"$type": "string"}}),
            expiring("published", KEEP_PUBLISHED_SECONDS),
        ),
    ),
    Collection(INBOX, (expiring("at", KEEP_INBOX_SECONDS),)),
    Collection(HELD_KEYS, (IndexModel([("state", ASCENDING), ("due", ASCENDING)], name="due"),)),
    Collection(DEAD_LETTERS, (IndexModel([("state", ASCENDING), ("last_at", ASCENDING)], name="state"),)),
    Collection("leases"),
    Collection("tombstones", (IndexModel([("noun", ASCENDING), ("at", ASCENDING)], name="noun"),)),
    Collection(FORGETTINGS, (IndexModel([("phase", ASCENDING)], name="phase"),)),
)


async def prepare(database: Database, collections: Iterable[Collection]) -> None:
    """Create what is missing. Idempotent; two processes may do it at once. Raises what the driver raises."""
    existing = set(await database.list_collection_names())
    for collection in (*PLUMBING, *collections):
        if collection.name not in existing:
            await _create(database, collection.name)
        if collection.indexes:
            await database[collection.name].create_indexes(list(collection.indexes))


async def _create(database: Database, name: str) -> None:
    try:
        await database.create_collection(name)
    except CollectionInvalid:
        return
    except OperationFailure as error:
        if error.code != _NAMESPACE_EXISTS:  # another process of this service was quicker
            raise
