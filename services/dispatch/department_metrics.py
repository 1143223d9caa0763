"""How well departments are reached. Names end in their unit; labels are departments, of which there are few."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class WebhookMetrics:
    """See `Counts`. Only the process that does the work shows what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "qianshao_dispatch_webhook_attempts_total",
            "Attempts to deliver to a department's webhook, by outcome (arrived, failed)",
            ("department", "outcome"),
            registry=registry,
        )
        self._waiting = Gauge(
            "qianshao_dispatch_webhook_waiting_deliveries",
            "Messages that a department's webhook has not taken yet",
            ("department",),
            registry=registry,
        )
        self._oldest = Gauge(
            "qianshao_dispatch_webhook_oldest_seconds",
            "How long the oldest of them has been waiting",
            ("department",),
            registry=registry,
        )

    def attempt(self, department: str, outcome: str) -> None:
        self._attempts.labels(department, outcome).inc()

    def waiting(self, department: str, deliveries: int, oldest_seconds: float) -> None:
        self._waiting.labels(department).set(deliveries)
        self._oldest.labels(department).set(oldest_seconds)

    def stand_by(self) -> None:
        self._waiting.clear()
        self._oldest.clear()


class ReaderMetrics:
    """See `services.dispatch.readers.Shown`. Only the process that looks shows anything."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._messages = Gauge(
            "qianshao_dispatch_department_unread_messages",
            "Messages on a department's topic that none of its groups has read",
            ("department",),
            registry=registry,
        )
        self._seconds = Gauge(
            "qianshao_dispatch_department_unread_seconds",
            "How long the oldest of them has been there; 0 if all is read",
            ("department",),
            registry=registry,
        )

    def unread(self, department: str, messages: int, seconds: float) -> None:
        self._messages.labels(department).set(messages)
        self._seconds.labels(department).set(seconds)

    def stand_by(self) -> None:
        self._messages.clear()
        self._seconds.clear()
