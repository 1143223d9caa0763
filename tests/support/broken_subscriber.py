"""The reference subscriber with one fault, which its first argument names; started by the conformance suite as a program."""

import asyncio
import json
import os
import sqlite3
import sys
import uuid
from collections.abc import Callable

from aiokafka import AIOKafkaProducer

from kit import subscriber


def ignores_redelivery() -> None:
    """Takes whatever comes for news."""
    subscriber.last_seq = lambda db, order: 0


def invents_ids_on_retry() -> None:
    """Saying it again, says it as something new."""
    first = subscriber.say

    async def say(db: sqlite3.Connection, producer: AIOKafkaProducer, topic: str, again: bool) -> None:
        if again:
            for old, body in db.execute(
                "SELECT update_id, body FROM said WHERE answer IS NULL AND sent = 1"
            ).fetchall():
                new = str(uuid.uuid4())
                fresh = json.dumps({**json.loads(body), "update_id": new})
                with db:
                    db.execute("UPDATE said SET update_id = ?, body = ? WHERE update_id = ?", (new, fresh, old))
        await first(db, producer, topic, again)

    subscriber.say = say


def forgets_seen_seq() -> None:
    """Always says that it has read the first message."""
    subscriber.decide = lambda message: (
        {"kind": "accepted", "seen_seq": 1} if message["kind"] in ("offer", "reopen") else None
    )


FAULTS: dict[str, Callable[[], None]] = {
    "redelivery": ignores_redelivery,
    "retry": invents_ids_on_retry,
    "seen_seq": forgets_seen_seq,
}
"""By the rule that finds it."""

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    asyncio.run(subscriber.run(os.environ["KAFKA_USERNAME"], os.environ["STATE"]))
