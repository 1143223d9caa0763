"""The simulated department at work: it reads its topic with its own login and says what is due."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from kit.simulate.desk import Desk, Wish
from ops.simulate.updates import say
from shared.clock import Clock
from shared.contracts.topics import DEPARTMENT, dispatch_topic
from shared.kafka.connection import client_options
from shared.settings import KafkaSettings

Evidence = Callable[[str], Awaitable[str]]
"""The receipt of an after-photo for an order."""

Note = Callable[[str], None]
"""Gets one line for people."""

_LOOK_MS = 500


async def play(login: KafkaSettings, desk: Desk, evidence: Evidence | None, clock: Clock, note: Note) -> None:
    """Until cancelled. Begins with everything on the topic, and acts on what is still open: nothing is kept in a file."""
    code = login.username.removeprefix(DEPARTMENT)
    options, group = client_options(login, "simulate"), f"{login.username}.simulate"
    consumer = AIOKafkaConsumer(**options, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    producer = AIOKafkaProducer(**options, acks="all", enable_idempotence=True)
    topic = dispatch_topic(code)
    # Without members: a start reads all again. It commits for those who watch whether the department reads.
    consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
    async with producer, consumer:
        await consumer.seek_to_beginning()
        while True:
            found = await consumer.getmany(timeout_ms=_LOOK_MS)
            for record in (record for records in found.values() for record in records):
                _hear(desk, record, note)
            if found:  # what came before is read to its end before anything is said to it
                await consumer.commit()
                continue
            for wish in desk.due(clock()):
                await _say(producer, code, desk, wish, evidence, clock(), note)


def _hear(desk: Desk, record: Any, note: Note) -> None:
    message = json.loads(record.value)
    desk.hear(message, datetime.fromtimestamp(record.timestamp / 1000, UTC))
    note(f"← {message['kind']} {message['order']} {message.get('reason_code') or ''}".rstrip())


async def _say(
    producer: Any, code: str, desk: Desk, wish: Wish, evidence: Evidence | None, now: datetime, note: Note
) -> None:
    receipts = []
    if wish.kind == "done" and wish.known.photo_required:
        if evidence is None:
            note(f"! {wish.known.order} 需要照片 needs an after-photo: --intake, QIANSHAO_TOKEN")
            desk.note(wish)
            return
        try:
            receipts = [await evidence(wish.known.order)]
        except httpx2.TransportError as error:
            note(f"! intake 无应答 does not answer: {error!r:.200}")
            return  # asked again at the next look
    await say(producer, code, wish.update(desk.behaviour.seed, now, receipts))
    desk.note(wish)
    note(f"→ {wish.kind} {wish.known.order}")
