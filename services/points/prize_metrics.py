"""What points shows of homes and prizes. Labels are bounded: homes and states, never riders."""

from prometheus_client import CollectorRegistry, Gauge

_HOME = ("home",)


class PrizeMetrics:
    """Filled by the census of the one worker that holds its lease; the others show nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.low = Gauge(
            "qianshao_points_low_prizes", "Prizes of which a home has too few left", _HOME, registry=registry
        )
        self.redemptions = Gauge(
            "qianshao_points_redemptions", "Redemptions kept, by how they stand", ("state",), registry=registry
        )
        self.overdue = Gauge(
            "qianshao_points_overdue_reservations",
            "Redemptions held beyond their 72 hours; they should have expired",
            registry=registry,
        )
        self.liability = Gauge(
            "qianshao_points_liability_points",
            "Balances of the riders of a home's community, and what it holds for pick-up",
            _HOME,
            registry=registry,
        )
        self.redeemed = Gauge(
            "qianshao_points_redeemed_points", "Points of everything a home has handed out", _HOME, registry=registry
        )

    def forget(self) -> None:
        """Another worker counts now; two that show the same would be counted twice."""
        for gauge in (self.low, self.redemptions, self.liability, self.redeemed):
            gauge.clear()
        self.overdue.set(0)
