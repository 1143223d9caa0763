"""Opening a service's database: connect, make collections and indexes, and tell whether it is ready for traffic."""

import asyncio
from collections.abc import Iterable

import pymongo
import structlog
from pymongo.errors import PyMongoError

from shared.mongo.client import Client, Database, connect
from shared.mongo.indexes import Collection, prepare
from shared.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0
_CHECK_SECONDS = 2.0


class OpenDatabase:
    """One service's database. `prepared` is set once its collections and indexes exist."""

    def __init__(self, settings: Settings, application: str, collections: Iterable[Collection]) -> None:
        self.client: Client = connect(settings.mongo_uri.get_secret_value(), application)
        self.database: Database = self.client[settings.mongo_database]
        self._collections = tuple(collections)
        self.prepared = asyncio.Event()

    async def prepare(self) -> None:
        """Until it has succeeded: a database that is away is waited for. Transactions cannot create collections in time."""
        while not self.prepared.is_set():
            try:
                with pymongo.timeout(10.0):
                    await prepare(self.database, self._collections)
                self.prepared.set()
            except PyMongoError as error:
                log.warning("waiting for the database", error=repr(error)[:200])
                await asyncio.sleep(_RETRY_SECONDS)

    async def answers(self) -> bool:
        """Whether a writable primary answers within 2 s."""
        return await self.check() is None

    async def check(self) -> str | None:
        """The readiness check: None, or why not."""
        if not self.prepared.is_set():
            return "collections and indexes are not made yet"
        try:
            with pymongo.timeout(_CHECK_SECONDS):
                hello = await self.database.command("hello")
        except PyMongoError as error:
            return f"MongoDB does not answer: {type(error).__name__}"
        return None if hello.get("isWritablePrimary") else "MongoDB has no primary"

    async def close(self) -> None:
        """Disconnect."""
        self.client.close()
