"""The look at who of the departments reads: what is shown while the brokers are away, and while another process looks."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from prometheus_client import CollectorRegistry

from services.dispatch.department_metrics import ReaderMetrics
from services.dispatch.domain.readers import Reading, has_read
from services.dispatch.readers import SKEW, Readers
from shared.kafka.unread import NotTold, Unread
from shared.mongo.lease import Lease
from tests.support.waiting import until

NOW = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=20)
SECONDS = "qianshao_dispatch_department_unread_seconds"


@dataclass
class Memory:
    """The brokers and the store of readings."""

    answer: Mapping[str, Unread] | None = None
    asked: list[Mapping[str, str]] = field(default_factory=list)
    kept: dict[str, Reading] = field(default_factory=dict)

    async def ask(self, wanted: Mapping[str, str], now: datetime) -> Mapping[str, Unread]:
        self.asked.append(wanted)
        if self.answer is None:
            raise NotTold("away")
        return self.answer

    async def told_before(self, department: str, moment: datetime) -> datetime:
        return moment

    async def keep(self, reading: Reading) -> None:
        self.kept[reading.department] = reading


@dataclass
class OneLease:
    held: bool = True

    def safe(self) -> bool:
        return self.held

    def due(self) -> bool:
        return True

    async def try_hold(self) -> bool:
        return self.held


def made(memory: Memory, registry: CollectorRegistry, lease: OneLease | None = None) -> Readers:
    shown = ReaderMetrics(registry)
    return Readers(["fire", "water"], memory.ask, memory, cast(Lease, lease or OneLease()), lambda: NOW, shown)


async def test_each_department_is_asked_for_by_its_own_groups_shown_and_kept() -> None:
    registry, memory = (
        CollectorRegistry(),
        Memory({"dispatch.fire": Unread(3, SINCE), "dispatch.water": Unread(0, None)}),
    )
    await made(memory, registry).look()
    assert memory.asked == [{"dispatch.fire": "dept.fire.", "dispatch.water": "dept.water."}]
    assert registry.get_sample_value(SECONDS, {"department": "fire"}) == 20 * 60
    assert registry.get_sample_value(SECONDS, {"department": "water"}) == 0
    assert memory.kept["fire"] == Reading("fire", 3, SINCE, SINCE - SKEW, NOW)
    assert memory.kept["water"].read_until == NOW - SKEW


async def test_while_the_brokers_are_away_nothing_old_is_shown_and_the_loop_goes_on() -> None:
    registry, memory = CollectorRegistry(), Memory({"dispatch.fire": Unread(3, SINCE)})
    looking = made(memory, registry)
    await looking._try_look()
    memory.answer = None
    await looking._try_look()
    assert registry.get_sample_value(SECONDS, {"department": "fire"}) is None
    assert set(memory.kept) == {"fire"}
    memory.answer = {"surprise": Unread(1, SINCE)}  # a topic that nobody asked for
    await looking._try_look()
    assert set(memory.kept) == {"fire"}


async def test_one_process_looks_and_who_loses_the_lease_shows_nothing() -> None:
    registry, memory = CollectorRegistry(), Memory({"dispatch.fire": Unread(3, SINCE)})
    lease = OneLease()
    running = asyncio.create_task(made(memory, registry, lease).run())
    try:
        await until(lambda: registry.get_sample_value(SECONDS, {"department": "fire"}) is not None, 20)
        lease.held = False
        await until(lambda: registry.get_sample_value(SECONDS, {"department": "fire"}) is None, 20)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def test_what_nobody_has_looked_at_since_is_neither_read_nor_unread() -> None:
    reading = Reading("fire", 1, SINCE, SINCE, NOW)
    assert has_read(reading, SINCE - timedelta(seconds=1)) is True
    assert has_read(reading, SINCE) is False
    assert has_read(reading, NOW) is None
    assert has_read(None, SINCE) is None
