"""What dispatch shows beside the plumbing: orders and their time. Names end in their unit; labels are bounded, never ids."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TIMES = (5 * _MINUTE, 15 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY)
_WHOSE = ("department", "class")


class DispatchMetrics:
    """Filled by the census of the one worker that holds its lease; the others show nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge("qianshao_dispatch_open_orders", "Orders that are not done", _WHOSE, registry=registry)
        self.overdue = Gauge(
            "qianshao_dispatch_overdue_orders",
            "Open orders after their deadline, clock running",
            _WHOSE,
            registry=registry,
        )
        self.unconfirmed = Gauge(
            "qianshao_dispatch_unconfirmed_orders",
            "Open orders whose deadline lies beyond the calendar files",
            _WHOSE,
            registry=registry,
        )
        self.triage = Gauge(
            "qianshao_dispatch_triage_incidents",
            "Incidents waiting for staff, by why no rule could decide",
            ("why",),
            registry=registry,
        )
        self.accept_seconds = Histogram(
            "qianshao_dispatch_accept_seconds", "From offer to acceptance", _WHOSE, buckets=_TIMES, registry=registry
        )
        self.fix_seconds = Histogram(
            "qianshao_dispatch_fix_seconds", "From offer to done", _WHOSE, buckets=_TIMES, registry=registry
        )
        self.told = Counter(
            "qianshao_dispatch_department_told_total",
            "Messages published to a department's topic, by kind (offer, reminder, ack, refused and so on)",
            ("department", "kind"),
            registry=registry,
        )
        self.heard = Counter(
            "qianshao_dispatch_department_updates_total",
            "Updates of departments that were answered, by outcome: ack, or the reason code of the refusal",
            ("department", "outcome"),
            registry=registry,
        )
        self.escalations = Counter(
            "qianshao_dispatch_escalations_total", "Levels of the ladder that fired", ("level",), registry=registry
        )
