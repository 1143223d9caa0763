"""The relay publishes the outbox: in order within a key, side by side across keys, at least once, never with a gap."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from shared.clock import Clock
from shared.crash import crash_point
from shared.mongo.client import Database, Document
from shared.mongo.lease import Lease
from shared.mongo.transactions import OUTBOX

log = structlog.get_logger(__name__)

WINDOW = 500
"""Rows looked at in one pass."""

POLL_SECONDS = 1.0
"""How long a row waits at most when the doorbell is broken."""


class Unsendable(Exception):
    """This row can never be sent (too large, say): park it."""


class Publisher(Protocol):
    """Where rows go. Both raise anything for trouble that passes; `send` raises `Unsendable` for a hopeless row."""

    async def connect(self) -> None:
        """Be ready to send. Called before every pass, so that a broker that is away costs one wait, not one a row."""
        ...

    async def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Return when the brokers have the message."""
        ...


@dataclass(slots=True)
class RelayStats:
    """For metrics: `waiting` rows and the age of the oldest, `parked` rows, `active` whether this one holds the lease."""

    waiting: int = 0
    oldest_seconds: float = 0.0
    parked: int = 0
    published: int = 0
    active: bool = False


class Relay:
    """One active relay per service, by lease. Run `run()` and `listen()` as tasks in the worker."""

    def __init__(self, database: Database, publisher: Publisher, lease: Lease, clock: Clock) -> None:
        # A snapshot read sees all rows of one moment: an ordinary cursor may pass a key's first row before it is
        # committed and still meet the second.
        self._outbox = database.get_collection(OUTBOX, read_concern=ReadConcern("snapshot"))
        self._rows = database[OUTBOX]  # change streams refuse that read concern
        self._publisher = publisher
        self._lease = lease
        self._clock = clock
        self._doorbell = asyncio.Event()
        self.stats = RelayStats()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                if self._lease.due():
                    await self._lease.try_hold()
                sent = await self.publish_waiting() if self._lease.safe() else 0
            except PyMongoError as error:
                log.warning("relay waits for the database", error=repr(error)[:200])
                sent = 0
            self.stats.active = self._lease.safe()
            if sent == 0:
                await self._wait_for_doorbell()

    async def listen(self) -> None:
        """Ring the doorbell on every new row. Nothing is read from the stream, so no resume token is kept."""
        while True:
            try:
                async with self._rows.watch(
                    [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
                ) as stream:
                    async for _ in stream:
                        self._doorbell.set()
            except PyMongoError as error:
                log.warning("doorbell broken, polling meanwhile", error=repr(error)[:200])
                await asyncio.sleep(POLL_SECONDS)

    async def publish_waiting(self) -> int:
        """One pass over the rows that wait. Returns how many were published."""
        rows = await self._next_rows()
        if not rows or not await self._connected():
            return 0
        crash_point("relay.after_claim")
        lines: dict[str, list[Document]] = defaultdict(list)
        for row in rows:
            lines[row["key"]].append(row)
        published = await asyncio.gather(*(self._send_line(line) for line in lines.values()))
        sent = [row_id for ids in published for row_id in ids]
        crash_point("relay.after_ack")
        if sent:
            await self._outbox.update_many({"_id": {"$in": sent}}, [{"$set": {"published": "$$NOW"}}])
        self.stats.published += len(sent)
        return len(sent)

    async def _connected(self) -> bool:
        try:
            await self._publisher.connect()
        except Exception as error:  # noqa: BLE001 - the rows wait until the brokers are back
            log.warning("relay waits for Kafka", error=repr(error)[:200])
            return False
        return True

    async def _next_rows(self) -> list[Document]:
        """Unpublished rows, oldest keys first, without the keys that a parked row holds; each key from its first row on."""
        held = await self._outbox.distinct("key", {"parked": {"$type": "string"}})
        free = {"published": None, "key": {"$nin": held}}
        window = await self._outbox.find(free).sort("stored", 1).limit(WINDOW).to_list(None)
        self._measure(window, len(held))
        if len(window) == WINDOW:
            # The window may start in the middle of a key: clocks of two processes differ, positions do not.
            keys = list({row["key"] for row in window})
            window = await self._outbox.find({"published": None, "key": {"$in": keys}}).to_list(None)
        return sorted(window, key=lambda row: (row["key"], row["position"]))

    async def _send_line(self, line: Iterable[Document]) -> list[str]:
        """Send one key's rows one after the other; stop at the first that does not go out."""
        sent: list[str] = []
        for row in line:
            if not self._lease.safe():
                break
            headers = [(name, content) for name, content in row["headers"]]
            try:
                await self._publisher.send(row["topic"], row["key"].encode(), row["value"], headers)
            except Unsendable as error:
                await self._park(row, str(error))
                break
            except Exception as error:  # noqa: BLE001 - the row stays, the next pass tries again
                log.warning("not published, will try again", topic=row["topic"], error=repr(error)[:200])
                break
            sent.append(row["_id"])
        return sent

    async def _park(self, row: Document, reason: str) -> None:
        log.error("outbox row can never be sent, its key is held", row=row["_id"], reason=reason)
        await self._outbox.update_one({"_id": row["_id"]}, {"$set": {"parked": reason}})

    async def _wait_for_doorbell(self) -> None:
        self._doorbell.clear()
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._doorbell.wait()
        except TimeoutError:
            return

    def _measure(self, window: list[Document], parked: int) -> None:
        now: datetime = self._clock()
        self.stats.waiting = len(window)
        self.stats.oldest_seconds = (now - window[0]["stored"]).total_seconds() if window else 0.0
        self.stats.parked = parked
