"""A department's channel by hand: it prints what arrives and sends what you type. A program of yours is `subscriber.py`.

    export KAFKA_BOOTSTRAP=… KAFKA_USERNAME=dept.municipal KAFKA_PASSWORD=…
    python by_hand.py listen
    python by_hand.py send accepted --order ORDER --seen-seq 1 --subdistrict 140302003
    python by_hand.py send done --order ORDER --seen-seq 2 --subdistrict 140302003 --receipt JWT

`listen` prints one JSON object a line and commits after printing, so a message may come twice, never not at all:
(order, seq) tells a repetition. `docs/department-guide.md` explains every field.
"""

import argparse
import asyncio
import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


def login() -> dict[str, Any]:
    """Connection settings from the environment; outside a test machine the protocol is SASL_SSL."""
    return {
        "bootstrap_servers": os.environ["KAFKA_BOOTSTRAP"],
        "security_protocol": os.environ.get("KAFKA_SECURITY", "SASL_SSL"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": os.environ["KAFKA_USERNAME"],
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }


def department() -> str:
    """The code behind `dept.`; it names both topics and begins every group this login may use."""
    return os.environ["KAFKA_USERNAME"].removeprefix("dept.")


async def listen(topic: str) -> None:
    """Print what arrives until interrupted."""
    group = f"{os.environ['KAFKA_USERNAME']}.by-hand"
    consumer = AIOKafkaConsumer(
        topic, **login(), group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            print(json.dumps({"id": headers["ce_id"], **json.loads(record.value)}, ensure_ascii=False), flush=True)
            await consumer.commit()
    finally:
        await consumer.stop()


async def send(topic: str, update: dict[str, Any]) -> None:
    """Send one update as a CloudEvent in binary mode; keyed by order, so that updates of one order keep their order."""
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": update["update_id"],
        "ce_type": "cn.qianshao.order.updated.v1",
        "ce_source": f"/department/{department()}",
        "ce_time": update["at"],
    }
    producer = AIOKafkaProducer(**login(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        encoded = [(name, value.encode()) for name, value in headers.items()]
        body = json.dumps(update, ensure_ascii=False).encode()
        await producer.send_and_wait(topic, body, key=update["order"].encode(), headers=encoded)
    finally:
        await producer.stop()


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    listening = commands.add_parser("listen")
    listening.add_argument("--topic", default=f"dispatch.{department()}")
    sending = commands.add_parser("send")
    sending.add_argument("kind", choices=["accepted", "returned", "progress", "done", "extension_asked"])
    sending.add_argument("--topic", default=f"department-updates.{department()}")
    sending.add_argument("--order", required=True)
    sending.add_argument("--seen-seq", type=int, required=True)
    sending.add_argument("--subdistrict", required=True)
    sending.add_argument("--reason")
    sending.add_argument("--receipt", action="append", default=[])
    given = vars(parser.parse_args())
    command, topic = given.pop("command"), given.pop("topic")
    if command == "listen":
        asyncio.run(listen(topic))
        return
    update = {
        "update_id": str(uuid.uuid4()),
        "at": datetime.now(UTC).isoformat(),
        "receipts": given.pop("receipt"),
        **given,
    }
    asyncio.run(send(topic, {name: value for name, value in update.items() if value is not None}))


if __name__ == "__main__":
    main()
