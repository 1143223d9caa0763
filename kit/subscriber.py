"""A department's subscriber, to read and to copy: aiokafka, the standard library and the department's own login.

    export KAFKA_BOOTSTRAP=… KAFKA_USERNAME=dept.municipal KAFKA_PASSWORD=… STATE=orders.sqlite
    python subscriber.py

It takes on what it is offered; put what your department does into `decide`. What it has read and what it says is in one
SQLite file before anything leaves, so that it may be killed at any moment: it is told again, and says the same again.
"""

import asyncio
import json
import os
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

Message = dict[str, Any]
TABLES = """CREATE TABLE IF NOT EXISTS seen (subject TEXT PRIMARY KEY, seq INTEGER);
CREATE TABLE IF NOT EXISTS said (update_id TEXT PRIMARY KEY, subject TEXT, body TEXT, answer TEXT, sent);"""


def decide(message: Message) -> Message | None:
    """What this department says to a message: a kind with its fields, or nothing. Yours to write."""
    return {"kind": "accepted"} if message["kind"] in ("offer", "reopen") else None


def remember(db: sqlite3.Connection, message: Message) -> None:
    """Take a message in, once and in order; what is said to it is stored with it, under an id that it keeps."""
    kind, order = message["kind"], message["order"]
    with db:  # one transaction
        if kind in ("ack", "refused"):  # a refusal is final: to say something else, say it under another id
            answer = kind if kind == "ack" else f"refused: {message.get('reason_code')}"
            db.execute("UPDATE said SET answer = ? WHERE update_id = ?", (answer, message["update_id"]))
        if message["seq"] <= last_seq(db, order) or message.get("reason_code") == "unknown_order":
            return  # told before, older than what is known, or about no order of ours
        db.execute("REPLACE INTO seen VALUES (?, ?)", (order, message["seq"]))
        if kind == "withdraw":
            db.execute("UPDATE said SET answer = 'withdrawn' WHERE subject = ? AND answer IS NULL", (order,))
        if wish := decide(message):
            update = {"update_id": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat(), "order": order}
            body = {**update, "subdistrict": message["subdistrict"], "seen_seq": message["seq"], **wish}
            db.execute(
                "INSERT INTO said (update_id, subject, body) VALUES (?, ?, ?)",
                (update["update_id"], order, json.dumps(body)),
            )


def last_seq(db: sqlite3.Connection, order: str) -> int:
    """The number of the last message about an order that was taken in."""
    row = db.execute("SELECT seq FROM seen WHERE subject = ?", (order,)).fetchone()
    return int(row[0]) if row else 0


async def say(db: sqlite3.Connection, producer: AIOKafkaProducer, topic: str, again: bool) -> None:
    """Send what was not sent, oldest first; `again`: also what has no answer, under the same id, so it counts once."""
    wanted = "SELECT update_id, body FROM said WHERE answer IS NULL AND (sent IS NULL OR ?) ORDER BY rowid"
    for update_id, body in db.execute(wanted, (again,)).fetchall():
        update = json.loads(body)
        attributes = {"id": update_id, "time": update["at"], "source": "/department", "specversion": "1.0"}
        attributes["type"] = "cn.qianshao.order.updated.v1"
        headers = [("content-type", b"application/json"), *((f"ce_{k}", v.encode()) for k, v in attributes.items())]
        await producer.send_and_wait(topic, body.encode(), key=update["order"].encode(), headers=headers)
        with db:
            db.execute("UPDATE said SET sent = 1 WHERE update_id = ?", (update_id,))


async def run(user: str, state: str) -> None:
    """Until interrupted."""
    login = {
        "bootstrap_servers": os.environ["KAFKA_BOOTSTRAP"],
        "security_protocol": os.environ.get("KAFKA_SECURITY", "SASL_SSL"),  # SASL_PLAINTEXT on a test machine alone
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }
    db, code = sqlite3.connect(state), user.removeprefix("dept.")
    db.executescript(TABLES)
    group: dict[str, Any] = {"group_id": f"{user}.subscriber", "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(f"dispatch.{code}", **login, **group, enable_auto_commit=False)
    async with AIOKafkaProducer(**login, acks="all", enable_idempotence=True) as producer, consumer:
        quiet = True  # after a start, and after half a minute of silence, what has no answer is said again
        while True:
            await say(db, producer, f"department-updates.{code}", again=quiet)
            found = await consumer.getmany(timeout_ms=30_000)
            for record in (record for records in found.values() for record in records):
                remember(db, json.loads(record.value))
            await say(db, producer, f"department-updates.{code}", again=False)
            await consumer.commit()  # last: what is lost before this comes again
            quiet = not found


if __name__ == "__main__":
    asyncio.run(run(os.environ["KAFKA_USERNAME"], os.environ.get("STATE", "orders.sqlite")))
