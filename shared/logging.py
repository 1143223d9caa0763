"""Structured logs on stdout: one JSON object a line in production, coloured text for people in development."""

import logging
import sys
import time
from typing import Any

import structlog

# In a 12 s broker outage aiokafka and faust wrote 1,935 lines; a reader needs the first few of each kind.
_NOISY = ("aiokafka", "faust", "mode")
_NOISY_LINES = 20
_NOISY_SECONDS = 60.0


class FloodFilter(logging.Filter):
    """Lets through `lines` records per logger and `seconds`, then is silent until the window has passed."""

    def __init__(self, lines: int = _NOISY_LINES, seconds: float = _NOISY_SECONDS) -> None:
        super().__init__()
        self._lines = lines
        self._seconds = seconds
        self._windows: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_NOISY):
            return True
        started, seen = self._windows.get(record.name, (time.monotonic(), 0))
        if time.monotonic() - started > self._seconds:
            started, seen = time.monotonic(), 0
        self._windows[record.name] = (started, seen + 1)
        return seen < self._lines


def configure(*, service: str, entry: str, level: str, fmt: str) -> None:
    """Set up structlog and the standard library's root logger alike; call before Faust is imported or built."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    render: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if fmt == "json"
        # the pretty tracebacks took 6 s, in which nothing else ran, and show every local variable
        else [structlog.dev.ConsoleRenderer(sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(FloodFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service, entry=entry)
