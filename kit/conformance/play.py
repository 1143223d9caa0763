"""The play: dispatch's part, given to a department's subscriber, and the transcript of it."""

import asyncio
import os
import shlex
import signal
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from kit.conformance.messages import message
from kit.conformance.rules import Heard, Line, Mark, Told
from kit.conformance.sandbox import Sandbox
from shared.contracts.cloudevent import Malformed
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import decode
from shared.contracts.topics import department_updates_topic, dispatch_topic
from shared.kafka.connection import client_options

ANSWER_SECONDS = 60.0
"""A killed member leaves its group after ten seconds or so; only then its successor is told anything."""


@dataclass
class Program:
    """The department's subscriber, as a process of its own that can be killed. Its state folder is `STATE`'s."""

    command: str
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Raises `OSError` if there is no such command."""
        words = shlex.split(self.command)
        self.process = await asyncio.create_subprocess_exec(
            *words, env={**os.environ, **self.environment}, start_new_session=True
        )

    async def kill(self) -> None:
        """SIGKILL, also for what it started."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()


@dataclass
class Stage:
    """Tells, hears and writes down. One incident a case, so that its messages keep their order."""

    sandbox: Sandbox
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    lines: list[Line] = field(default_factory=list)
    fences: int = 0

    async def tell(self, case: str, order: str, seq: int, kind: str, update_id: str | None = None) -> None:
        """Send a message as dispatch does; it stands in the transcript before the department can have it."""
        self.lines.append(Told(case, order, seq, kind, update_id))
        headers, value = message(order, seq, kind, update_id)
        key = order.rpartition(".")[0].encode()
        await self.producer.send_and_wait(dispatch_topic(self.sandbox.department).name, value, key=key, headers=headers)

    async def answer(self, order: str) -> Heard | None:
        """The newest readable answer about an order, waited for; None if none comes."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            found = [x for x in self.lines if isinstance(x, Heard) and x.order == order and not x.fault]
            if found:
                return found[-1]
            await self.listen()
        return None

    async def fence(self, case: str) -> bool:
        """Ask about one more order of the case's incident: answered, everything before it has been read."""
        self.fences += 1
        order = f"{incident(case)}.{100 + self.fences}"
        await self.tell("fence", order, 1, "offer")
        answered = await self.answer(order) is not None
        self.lines.append(Mark(case))
        return answered

    async def listen(self) -> None:
        """Write down what has come."""
        for records in (await self.consumer.getmany(timeout_ms=200)).values():
            self.lines += [_heard(self.sandbox.department, record) for record in records]


_RUN = uuid.uuid4().hex[:8]


def incident(case: str) -> str:
    """The incident of a case, another one each time the suite is run."""
    return f"conf-{_RUN}-{case}"


def order(case: str) -> str:
    """The order that a case is about."""
    return f"{incident(case)}.1"


async def play(stage: Stage, program: Program) -> list[Line]:
    """The whole play, in two acts with a violent death between them. Returns the transcript."""
    await _redelivery(stage)
    await _late(stage)
    await _withdrawal(stage)
    await _refusal(stage)
    await _again(stage)
    await stage.tell("retry", order("retry"), 1, "offer")
    await stage.answer(order("retry"))
    await stage.fence("retry")  # it has said so, and knows that it has
    await program.kill()
    await program.start()
    await stage.tell("retry", order("retry"), 1, "offer")
    for case in ("retry", "refused", "withdrawn", "redelivery"):
        await stage.fence(case)
    await stage.listen()
    return stage.lines


async def _acknowledged(stage: Stage, case: str) -> None:
    """An offer, its answer, and our ack."""
    await stage.tell(case, order(case), 1, "offer")
    heard = await stage.answer(order(case))
    if heard is not None:
        await stage.tell(case, order(case), 2, "ack", heard.update_id)


async def _redelivery(stage: Stage) -> None:
    await _acknowledged(stage, "redelivery")
    await stage.tell("redelivery", order("redelivery"), 1, "offer")
    await stage.fence("redelivery")


async def _late(stage: Stage) -> None:
    """The reminder overtakes the offer that was sent again before it."""
    await _acknowledged(stage, "out_of_order")
    await stage.tell("out_of_order", order("out_of_order"), 3, "remind")
    await stage.tell("out_of_order", order("out_of_order"), 1, "offer")
    await stage.fence("out_of_order")


async def _withdrawal(stage: Stage) -> None:
    await _acknowledged(stage, "withdrawn")
    await stage.tell("withdrawn", order("withdrawn"), 3, "withdraw")
    await stage.fence("withdrawn")
    await stage.tell("withdrawn", order("withdrawn"), 1, "offer")
    await stage.fence("withdrawn")


async def _refusal(stage: Stage) -> None:
    await stage.tell("refused", order("refused"), 1, "offer")
    heard = await stage.answer(order("refused"))
    if heard is not None:
        await stage.tell("refused", order("refused"), 2, "refused", heard.update_id)
    await stage.fence("refused")


async def _again(stage: Stage) -> None:
    """Done, and found broken: the answer to `reopen` has to be about that."""
    await _acknowledged(stage, "seen_seq")
    await stage.tell("seen_seq", order("seen_seq"), 3, "reopen")
    await stage.fence("seen_seq")


def _heard(department: str, record: "object") -> Heard:
    key = (getattr(record, "key", None) or b"").decode(errors="replace")
    topic = department_updates_topic(department).name
    try:
        data = decode(topic, list(getattr(record, "headers", ())), getattr(record, "value", None) or b"").data
    except Malformed as error:
        return Heard("", key, fault=str(error))
    assert isinstance(data, DepartmentUpdate)  # the only type on that topic
    return Heard(data.order, key, data.update_id, data.seen_seq, data.kind)


@asynccontextmanager
async def stage(sandbox: Sandbox, state: Path, command: str) -> AsyncIterator[tuple[Stage, Program]]:
    """Curtain up: the subscriber runs, and whatever it says from now on is heard. It is killed at the end."""
    options = client_options(sandbox.settings("dispatch"), "conformance")
    updates = department_updates_topic(sandbox.department)
    program = Program(command, {**sandbox.environment(), "STATE": str(state / "state.sqlite")})
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False)
    async with AIOKafkaProducer(**options, acks="all") as producer, consumer:
        partitions = [TopicPartition(updates.name, number) for number in range(updates.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        await program.start()
        try:
            yield Stage(sandbox, producer, consumer), program
        finally:
            await program.kill()
