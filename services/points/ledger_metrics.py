"""What points shows of its ledger. Names end in their unit; no labels but the layer."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from services.points.domain.audit import Found

_LAYERS = ("posted", "pending", "owed")


class LedgerMetrics:
    """Filled by the one worker that compares; the others show nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sum = Gauge(
            "qianshao_points_ledger_sum_points",
            "What all accounts have together at the last comparison: must be 0",
            ("layer",),
            registry=registry,
        )
        self._differing = Gauge(
            "qianshao_points_differing_passbooks",
            "Passbooks that are not what their entries say, at the last comparison",
            registry=registry,
        )
        self._compared = Gauge(
            "qianshao_points_compared_passbooks", "Passbooks at the last comparison", registry=registry
        )
        self._at = Gauge(
            "qianshao_points_ledger_compared_timestamp_seconds", "When the last comparison ended", registry=registry
        )

    def show(self, found: Found, at: datetime) -> None:
        """The result of one comparison."""
        for layer in _LAYERS:
            self._sum.labels(layer).set(getattr(found.sum, layer))
        self._differing.set(found.differing)
        self._compared.set(found.passbooks)
        self._at.set(at.timestamp())

    def clear(self) -> None:
        """Another worker compares now."""
        self._sum.clear()
        for gauge in (self._differing, self._compared, self._at):
            gauge.set(0)
