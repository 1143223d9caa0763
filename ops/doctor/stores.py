"""What MongoDB says of each service's database: whether it lets us in and writes, its indexes, its disk, its clock."""

import asyncio
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from pymongo.errors import PyMongoError

from ops.installation import Installation, databases
from ops.processes import skew_of
from ops.status import Books, deaf_departments, read_books
from shared.clock import Clock
from shared.mongo.client import Database
from shared.mongo.indexes import PLUMBING, Collection

SECONDS = 8.0
DISK_SHARE = 0.10
"""Below this share of free disk it is time to make room; WiredTiger needs some to compact and the journal to roll."""

_UTC: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True)


@dataclass(frozen=True, slots=True)
class Store:
    """`missing`: collections and indexes; `disk_free`: a share, None if not told; `skew`: seconds ahead of our
    clock.

    `away` says why nothing else is known.
    """

    service: str
    away: str | None = None
    primary: bool = False
    missing: tuple[str, ...] = ()
    disk_free: float | None = None
    skew: float | None = None
    books: Books | None = None
    deaf: Mapping[str, str] = field(default_factory=dict)
    """Of dispatch: departments that do not read, each with a sentence."""


async def read_all(installation: Installation, clock: Clock) -> list[Store]:
    """Every service's; never raises for one that is away."""
    async with databases(installation) as opened:
        return list(await asyncio.gather(*(_read(name, database, clock) for name, database in opened.items())))


async def _read(service: str, database: Database, clock: Clock) -> Store:
    try:
        with pymongo.timeout(SECONDS):
            asked = clock()
            hello: Mapping[str, Any] = await database.command("hello", codec_options=_UTC)
            skew = skew_of(hello["localTime"], asked, clock())
            stats = await database.command("dbStats")
            missing = await _missing(database, [*PLUMBING, *collections_of(service)])
            primary = bool(hello.get("isWritablePrimary"))
            books = await read_books(service, database)
            deaf = await deaf_departments(database, clock()) if service == "dispatch" else {}
            return Store(service, None, primary, missing, _free(stats), skew, books, deaf)
    except PyMongoError as error:
        return Store(service, f"MongoDB: {str(error)[:200]}")


def collections_of(service: str) -> Iterable[Collection]:
    """What the service itself makes, as its composition root has it: only that may know its store."""
    found: Iterable[Collection] = importlib.import_module(f"services.{service}.app").COLLECTIONS
    return found


async def _missing(database: Database, wanted: Iterable[Collection]) -> tuple[str, ...]:
    there = set(await database.list_collection_names())
    found = []
    for collection in wanted:
        if collection.name not in there:
            found.append(collection.name)
        elif collection.indexes:
            names = set(await database[collection.name].index_information())
            made = [index.document["name"] for index in collection.indexes]
            found += [f"{collection.name}.{name}" for name in made if name not in names]
    return tuple(found)


def _free(stats: Mapping[str, Any]) -> float | None:
    total = stats.get("fsTotalSize")
    return 1.0 - stats["fsUsedSize"] / total if total else None
