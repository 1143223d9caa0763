"""How well people are reached. Names end in their unit; labels are channels and words, of which there are few."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notify.domain.channel import Kind
from services.notify.domain.delivery import OVER, Delivery
from shared.clock import Clock
from shared.mongo.client import DatabaseError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0


class DeliveryMetrics:
    """See `Tally`. Only the process that sends shows what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter(
            "qianshao_notify_deliveries_total",
            "Deliveries that ended, by channel and how (sent, skipped, failed, uncertain)",
            ("channel", "state"),
            registry=registry,
        )
        self._calls = Counter(
            "qianshao_notify_channel_calls_total",
            "Calls of the other side, by channel and outcome (sent, retry, refused, unknown)",
            ("channel", "outcome"),
            registry=registry,
        )
        self._waiting = Gauge(
            "qianshao_notify_waiting_deliveries",
            "Deliveries that have not ended, by channel and urgency",
            ("channel", "urgency"),
            registry=registry,
        )
        self._oldest = Gauge(
            "qianshao_notify_oldest_waiting_seconds",
            "How long the oldest of them has been waiting",
            ("channel", "urgency"),
            registry=registry,
        )
        self._lines = Gauge(
            "qianshao_notify_resting_lines",
            "Endpoints that rest after failures or were told to wait",
            registry=registry,
        )
        self._full = Gauge(
            "qianshao_notify_full_lines", "Endpoints whose minute is full while something waits", registry=registry
        )
        for kind in Kind:  # from zero on, so that the first failure is an increase
            for state in OVER:
                self._ended.labels(kind.value, state.value)
        self._resting: set[str] = set()
        self._filled: set[str] = set()

    def ended(self, delivery: Delivery) -> None:
        self._ended.labels(delivery.channel.value, delivery.state.value).inc()

    def called(self, channel: Kind, outcome: str) -> None:
        self._calls.labels(channel.value, outcome).inc()

    def stands(self, line: str, *, resting: bool, full: bool) -> None:
        _set(self._resting, line, resting)
        _set(self._filled, line, full)
        self._lines.set(len(self._resting))
        self._full.set(len(self._filled))

    def waiting(self, found: list[tuple[str, str, int, float]]) -> None:
        """What has not ended: channel, urgency, how many, for how many seconds the oldest."""
        self.stand_by()
        for channel, urgency, count, oldest in found:
            self._waiting.labels(channel, urgency).set(count)
            self._oldest.labels(channel, urgency).set(oldest)

    def stand_by(self) -> None:
        """Another process sends now."""
        self._waiting.clear()
        self._oldest.clear()


class Watching:
    """Looks at what waits, every few seconds, while this process sends."""

    def __init__(
        self,
        unsent: Callable[[datetime], Awaitable[list[tuple[str, str, int, float]]]],
        mine: Callable[[], bool],
        clock: Clock,
        metrics: DeliveryMetrics,
    ) -> None:
        self._unsent, self._mine, self._clock, self._metrics = unsent, mine, clock, metrics

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                if self._mine():
                    self._metrics.waiting(await self._unsent(self._clock()))
                else:
                    self._metrics.stand_by()
            except DatabaseError as error:
                log.info("the look at what waits waits for the database", error=repr(error)[:200])
            await asyncio.sleep(LOOK_SECONDS)


def _set(kept: set[str], line: str, stands: bool) -> None:
    if stands:
        kept.add(line)
    else:
        kept.discard(line)
