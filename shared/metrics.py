"""Metrics of the plumbing, one object per process. Names end in their unit; labels are bounded, never ids."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from shared.kafka.agents import Consumer
from shared.mongo.forgetting import Forgetting
from shared.mongo.lane import Lane
from shared.mongo.relay import Relay
from shared.mongo.retention import Retention
from shared.mongo.retry import RetryLoop
from shared.mongo.timers import Timers

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """A registry of its own, so that two apps in one test process do not meet."""

    def __init__(self, service: str, entry: str, reference_version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        info = Info(
            "qianshao_process", "Which process this is and by which reference data it decides", registry=self.registry
        )
        info.info({"service": service, "entry": entry, "reference": reference_version[:12]})
        self.http_seconds = Histogram(
            "qianshao_http_request_seconds",
            "Time to answer a request, by route template",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.http_in_flight = Gauge("qianshao_http_in_flight", "Requests being answered", registry=self.registry)
        self.problems = Counter(
            "qianshao_problems_total", "Requests refused, by problem code", ("code",), registry=self.registry
        )

    def watch_lane(self, lane: Lane) -> None:
        """Export a lane's counters."""
        self.registry.register(_LaneCollector(lane))

    def watch_worker(self, relay: Relay, consumers: list[Consumer], retries: RetryLoop) -> None:
        """Export the relay's, the consumers' and the retry loop's counters."""
        self.registry.register(_RetryCollector(retries))
        self.registry.register(_RelayCollector(relay))
        self.registry.register(_ConsumerCollector(consumers))

    def watch_forgetting(self, forgetting: Forgetting) -> None:
        """Export who is being forgotten."""
        self.registry.register(_ForgettingCollector(forgetting))

    def watch_retention(self, retention: Retention) -> None:
        """Export what was removed because it was too old."""
        self.registry.register(_RetentionCollector(retention))

    def watch_timers(self, timers: Timers) -> None:
        """Export what happened by itself, and how late."""
        self.registry.register(_TimersCollector(timers))


class _TimersCollector(Collector):
    def __init__(self, timers: Timers) -> None:
        self._timers = timers

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        stats = self._timers.stats
        woken = CounterMetricFamily("qianshao_timers_woken", "Things woken because their time had come", labels=["of"])
        failed = CounterMetricFamily("qianshao_timers_failed", "Wakings that failed; tried again", labels=["of"])
        late = GaugeMetricFamily(
            "qianshao_timers_late_seconds", "By how much the last look found the oldest waking late", labels=["of"]
        )
        for of in stats.woken:
            woken.add_metric([of], stats.woken[of])
            failed.add_metric([of], stats.failed[of])
            late.add_metric([of], stats.late_seconds[of])
        return [woken, failed, late]


class _RetentionCollector(Collector):
    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        removed = CounterMetricFamily("qianshao_retention_removed", "Objects removed by age", labels=["noun"])
        overdue = GaugeMetricFamily(
            "qianshao_retention_overdue_seconds",
            "How long the oldest is kept beyond its time, because something open needs it",
            labels=["noun"],
        )
        for noun, count in self._retention.stats.removed.items():
            removed.add_metric([noun], count)
        for noun, seconds in self._retention.stats.overdue_seconds.items():
            overdue.add_metric([noun], seconds)
        return [removed, overdue]


class _ForgettingCollector(Collector):
    def __init__(self, forgetting: Forgetting) -> None:
        self._forgetting = forgetting

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        stats = self._forgetting.stats
        return [
            GaugeMetricFamily("qianshao_forgetting_people", "People being forgotten here", value=stats.waiting),
            GaugeMetricFamily(
                "qianshao_forgetting_overdue_people", "Those of them for more than 24 hours", value=stats.overdue
            ),
            CounterMetricFamily(
                "qianshao_forgetting_documents", "Documents renamed or removed to forget people", value=stats.treated
            ),
        ]


class _LaneCollector(Collector):
    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def collect(self) -> list[CounterMetricFamily]:
        stats = self._lane.stats
        counted = {
            "batches": ("Transactions begun by the commit lane", stats.batches),
            "commands": ("Commands that went through the commit lane", stats.commands),
            "contended": ("Batches decided again because another process was quicker", stats.contended),
            "transient": ("Batches repeated because the database was away", stats.transient),
            "split": ("Batches split to find a culprit", stats.split),
        }
        return [
            CounterMetricFamily(f"qianshao_lane_{name}", text, value=value) for name, (text, value) in counted.items()
        ]


class _RelayCollector(Collector):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        stats = self._relay.stats
        return [
            GaugeMetricFamily(
                "qianshao_outbox_waiting_rows", "Rows not yet published (up to 500)", value=stats.waiting
            ),
            GaugeMetricFamily(
                "qianshao_outbox_oldest_seconds", "Age of the oldest waiting row", value=stats.oldest_seconds
            ),
            GaugeMetricFamily(
                "qianshao_outbox_parked_keys", "Keys held by a row that can never be sent", value=stats.parked
            ),
            GaugeMetricFamily(
                "qianshao_relay_active", "1 where this process holds the relay's lease", value=stats.active
            ),
            CounterMetricFamily("qianshao_outbox_published", "Rows published", value=stats.published),
        ]


class _RetryCollector(Collector):
    def __init__(self, retries: RetryLoop) -> None:
        self._retries = retries

    def collect(self) -> list[GaugeMetricFamily]:
        stats = self._retries.stats
        return [
            GaugeMetricFamily("qianshao_held_keys", "Keys held by a failing event", value=stats.held_keys),
            GaugeMetricFamily(
                "qianshao_dead_letters_open", "Dead letters nobody has settled", value=stats.open_letters
            ),
        ]


class _ConsumerCollector(Collector):
    def __init__(self, consumers: list[Consumer]) -> None:
        self._consumers = consumers

    def collect(self) -> list[GaugeMetricFamily | CounterMetricFamily]:
        handled = CounterMetricFamily(
            "qianshao_consumer_deliveries", "Deliveries by what became of them", labels=["topic", "outcome"]
        )
        transient = CounterMetricFamily("qianshao_consumer_transient", "Rounds repeated", labels=["topic"])
        breaker = GaugeMetricFamily("qianshao_consumer_breaker_open", "1 while the topic is stopped", labels=["topic"])
        for consumer in self._consumers:
            stats = consumer.stats
            for outcome in ("done", "duplicate", "held", "dead"):
                handled.add_metric([consumer.topic, outcome], getattr(stats, outcome))
            transient.add_metric([consumer.topic], stats.transient)
            breaker.add_metric([consumer.topic], consumer.breaker.open)
        return [handled, transient, breaker]
