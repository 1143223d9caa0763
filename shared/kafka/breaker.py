"""The breaker: stops reading a topic before a bad deploy, or a department's garbage, empties it into the dead letters."""

import time
from collections import deque
from collections.abc import Callable

CONSECUTIVE = 50
WINDOW = 1_000
SHARE = 0.10
_ENOUGH = 100
"""Outcomes needed before the share means anything."""

PROBE_SECONDS = 60.0


class Breaker:
    """One per source topic. `record` each first outcome of a delivery; while `open`, take one delivery a minute."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._outcomes: deque[bool] = deque(maxlen=WINDOW)
        self._failed_in_a_row = 0
        self._opened_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether the topic is stopped; a known state with an alarm, not a death."""
        return self._opened_at is not None

    def seconds_to_probe(self) -> float:
        """How long to wait before the next delivery may be taken, 0 when closed."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + PROBE_SECONDS - self._monotonic())

    def record(self, succeeded: bool) -> None:
        """Count an outcome. While open, a success closes and a failure waits another minute."""
        if self.open:
            self._reset() if succeeded else self._trip()
            return
        self._outcomes.append(succeeded)
        self._failed_in_a_row = 0 if succeeded else self._failed_in_a_row + 1
        failed = len(self._outcomes) - sum(self._outcomes)
        too_many = len(self._outcomes) >= _ENOUGH and failed > SHARE * len(self._outcomes)
        if self._failed_in_a_row > CONSECUTIVE or too_many:
            self._trip()

    def _trip(self) -> None:
        self._opened_at = self._monotonic()

    def _reset(self) -> None:
        self._opened_at = None
        self._failed_in_a_row = 0
        self._outcomes.clear()
