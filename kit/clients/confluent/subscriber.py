"""The same by confluent-kafka (2.16 or newer) and without a database: the update's id follows from what it answers.

    export KAFKA_BOOTSTRAP=… KAFKA_USERNAME=dept.municipal KAFKA_PASSWORD=… STATE=orders.json
    python subscriber.py

Killed after sending and before it has written down what it read, it says the same again under the same id: that counts once.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """What this department says to a message, or nothing. Yours to write."""
    if message["kind"] not in ("offer", "reopen"):
        return None
    update_id = f"accepted:{message['order']}:{message['seq']}"[-64:]
    at = datetime.now(UTC).isoformat()
    fields = {"order": message["order"], "subdistrict": message["subdistrict"], "seen_seq": message["seq"]}
    return {"update_id": update_id, "at": at, "kind": "accepted", **fields}


def send(producer: Producer, topic: str, update: dict[str, Any]) -> None:
    """Return once the brokers have it. Raises `RuntimeError` if they do not take it within half a minute."""
    attributes = {"id": update["update_id"], "time": update["at"], "source": "/department", "specversion": "1.0"}
    named = {f"ce_{name}": text for name, text in attributes.items()}
    headers = {"content-type": "application/json", "ce_type": "cn.qianshao.order.updated.v1", **named}
    failed: list[Any] = []
    told = {"key": update["order"], "headers": {name: text.encode() for name, text in headers.items()}}
    producer.produce(topic, json.dumps(update), **told, on_delivery=lambda error, _: failed.append(error))
    if producer.flush(30) or failed != [None]:
        raise RuntimeError(f"not sent: {failed}")


def main(user: str, state: Path) -> None:
    """Until interrupted."""
    login = {
        "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
        "security.protocol": os.environ.get("KAFKA_SECURITY", "SASL_SSL"),  # SASL_PLAINTEXT on a test machine alone
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": os.environ["KAFKA_PASSWORD"],
    }
    code = user.removeprefix("dept.")
    seen: dict[str, int] = json.loads(state.read_text()) if state.exists() else {}
    producer = Producer({**login, "enable.idempotence": True})
    group = {"group.id": f"{user}.subscriber", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**login, **group, "session.timeout.ms": 10_000})
    consumer.subscribe([f"dispatch.{code}"])
    while True:
        record = consumer.poll(1.0)
        if record is None or record.error():
            continue
        message = json.loads(record.value() or b"")
        known = message["seq"] <= seen.get(message["order"], 0) or message.get("reason_code") == "unknown_order"
        if not known:
            if update := answer(message):
                send(producer, f"department-updates.{code}", update)
            seen[message["order"]] = message["seq"]
            fresh = state.with_suffix(".new")
            fresh.write_text(json.dumps(seen))
            fresh.replace(state)
        consumer.commit(message=record, asynchronous=False)


if __name__ == "__main__":
    main(os.environ["KAFKA_USERNAME"], Path(os.environ.get("STATE", "orders.json")))
