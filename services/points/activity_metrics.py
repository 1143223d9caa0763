"""What points shows of activities beside the plumbing. Names end in their unit; labels are bounded, never ids."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ActivityMetrics:
    """What was decided and who checked in, counted by one api process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.decided = Counter(
            "qianshao_points_activities_decided_total",
            "Recorded activities that were approved, rejected or taken back",
            ("kind", "outcome"),
            registry=registry,
        )
        self.checkins = Counter(
            "qianshao_points_checkins_total",
            "Scans and ticks by what became of them: code, late, desk, again, or why they were refused",
            ("outcome",),
            registry=registry,
        )

    def count_decided(self, kind: str, outcome: str) -> None:
        """One activity has its end."""
        self.decided.labels(kind, outcome).inc()

    def count_checkin(self, outcome: str) -> None:
        """Somebody scanned, or was ticked."""
        self.checkins.labels(outcome).inc()


class WaitingMetrics:
    """Filled by the one worker that holds the lease; the others show nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = Gauge(
            "qianshao_points_activities_waiting",
            "Recorded activities that nobody has decided about",
            ("kind",),
            registry=registry,
        )
        self.oldest = Gauge(
            "qianshao_points_activities_oldest_seconds",
            "Since when the oldest of them waits",
            ("kind",),
            registry=registry,
        )

    def clear(self) -> None:
        """Another worker counts now; two that show the same would be counted twice."""
        self.waiting.clear()
        self.oldest.clear()
