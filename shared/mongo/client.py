"""The one way to connect, and the one list of errors that go away by themselves."""

from typing import Any

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]

DURABLE = WriteConcern(w="majority", j=True)
SNAPSHOT = ReadConcern("snapshot")
UTC_DATES: CodecOptions[Document] = CodecOptions(tz_aware=True)

DatabaseError = PyMongoError
"""Whatever the driver raises."""

_WRITE_CONFLICT = 112
_DUPLICATE_KEY = 11000


def connect(uri: str, application: str) -> Client:
    """A client with bounded waits; it connects when first used, so an api may start before its database."""
    return AsyncIOMotorClient(
        uri,
        appname=application,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        readPreference="primary",
        # Bounds every operation, also against a server that accepts and does not answer; `pymongo.timeout` overrides it.
        timeoutMS=5_000,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=10_000,
        maxPoolSize=50,
        tz_aware=True,
    )


def is_contention(error: BaseException) -> bool:
    """Another process changed the same document: load again and decide again."""
    return _WRITE_CONFLICT in _codes(error)


def is_duplicate(error: BaseException) -> bool:
    """What was to be inserted is there already."""
    return _DUPLICATE_KEY in _codes(error)


def _codes(error: BaseException) -> set[Any]:
    """MongoDB's numbers for what is wrong, also those inside a bulk."""
    if isinstance(error, BulkWriteError):
        details: Any = error.details or {}
        return {one.get("code") for one in details.get("writeErrors", [])}
    return {error.code} if isinstance(error, OperationFailure) else set()


def is_transient(error: BaseException) -> bool:
    """The database is away, electing or slow: nothing is wrong with the command, the same call may succeed later."""
    if not isinstance(error, PyMongoError):
        return False
    return (
        error.timeout
        or error.has_error_label("TransientTransactionError")
        or error.has_error_label("UnknownTransactionCommitResult")
        or error.has_error_label("RetryableWriteError")
        or isinstance(error, ConnectionFailure | ServerSelectionTimeoutError | WaitQueueTimeoutError | ExecutionTimeout)
    )
