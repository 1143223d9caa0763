"""Consuming events: the real consume loop in Faust, batched as it runs, against the same loop with one event at a time."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.result import Result, rate
from services.dispatch import agents
from services.dispatch.rules import ReferenceRules
from services.dispatch.store import COLLECTIONS, INCIDENTS
from shared.clock import system_clock
from shared.contracts.envelope import Envelope, Message, encode
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.topics import INCIDENT_REPORTED
from shared.ids import new_id, public_code
from shared.kafka import agents as loop
from shared.kafka import faust_app
from shared.kafka.agents import Consumer
from shared.kafka.connection import client_options
from shared.mongo.client import connect
from shared.mongo.indexes import prepare
from shared.mongo.lane import Lane
from shared.mongo.transactions import MongoTransactor
from shared.reference.load import load
from tests.support.stack import REFERENCE, Stack

BATCHED, SINGLE = 6_000, 1_000


async def measure(stack: Stack) -> list[Result]:
    """Events per second of dispatch's reaction to incident-reported: decode, route, write, acknowledge."""
    floor = await _consume(stack, "single", SINGLE, waiting=1)
    batched = await _consume(stack, "batched", BATCHED, waiting=loop.MAX_WAITING)
    return [rate("consume incident-reported in dispatch", batched, floor, "one event a transaction")]


async def _consume(stack: Stack, name: str, events: int, waiting: int) -> float:
    await _produce(stack, events)
    made = await stack.mongo.new_database(name)
    client = connect(made.uri, "bench")
    await prepare(client[made.name], COLLECTIONS)
    lane = Lane(MongoTransactor(client, client[made.name], system_clock))
    rules = ReferenceRules(load(REFERENCE))
    handle = agents.handlers(INCIDENTS, rules, _NoReceipts(), [])[INCIDENT_REPORTED.name]
    failures: list[BaseException] = []  # the stream's end when the app stops is one, and of no interest by then
    consumer = Consumer(
        INCIDENT_REPORTED.name, "dispatch", handle, lane, system_clock, failures.append, waiting=waiting
    )
    app = faust_app.build(f"dispatch.bench-{name}", stack.kafka.settings("dispatch"), [consumer])
    running = asyncio.create_task(lane.run())
    await app.start()
    try:
        await _until(consumer, 50, failures)  # joining the group is not consuming
        started, before = time.perf_counter(), consumer.stats.done
        await _until(consumer, events, failures)
        return (consumer.stats.done - before) / (time.perf_counter() - started)
    finally:
        await app.stop()
        running.cancel()
        client.close()


async def _until(consumer: Consumer, done: int, failures: list[BaseException]) -> None:
    while consumer.stats.done < done:
        if failures:
            raise failures[0]
        await asyncio.sleep(0.01)


async def _produce(stack: Stack, events: int) -> None:
    producer = AIOKafkaProducer(**client_options(stack.kafka.settings("intake"), "bench"), linger_ms=5)
    await producer.start()
    try:
        for _ in range(events):
            headers, value, key = _event()
            await producer.send(INCIDENT_REPORTED.name, value, key=key, headers=headers)
        await producer.flush()
    finally:
        await producer.stop()


def _event() -> tuple[list[tuple[str, bytes]], bytes, bytes]:
    now, incident = datetime.now(UTC), new_id()
    grid = {
        "subdistrict": "140302003",
        "community": "140302003001",
        "basic_grid": "140302003001001",
        "micro_grid": "14030200300100101",
    }
    point = {"lng": 113.58, "lat": 37.857}
    data = IncidentReported.model_validate(
        {
            "subdistrict": "140302003",
            "incident": incident,
            "report": new_id(),
            "code": public_code(incident),
            "rider": "rider",
            "category": {"scheme": "gb30428", "code": "P0106"},
            "condition": "missing",
            "emergency": True,
            "place": {"wgs84": point, "gcj02": point, "accuracy_m": 12.0, "grid": grid},
            "photo_ids": (new_id(),),
            "text": "井盖被雨水冲开",
            "captured_at": now,
            "received_at": now,
        }
    )
    envelope = Envelope(
        id=f"incident-reported:{incident}",
        type=data.TYPE,
        source="/140302003/intake",
        subject=incident,
        time=now,
        recorded_time=now,
        partition_key=incident,
        sequence=1,
        cycle=1,
        correlation_id=incident,
        causation_id=None,
        actor="rider:rider",
        traceparent=None,
    )
    headers, value = encode(Message(envelope, data))
    return headers, value, incident.encode()


class _NoReceipts:
    def verify(self, token: str) -> Any:
        return None
