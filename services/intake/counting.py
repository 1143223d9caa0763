"""What became of reports and photos, as far as it is counted: `Counting` is what the desk calls, `ReportMetrics` what shows it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.intake.opening import Opened
from shared.errors import Refused, Unavailable

STORED_BEFORE = "stored_before"
"""A repetition: the answer is that of the first time."""


@dataclass(frozen=True, slots=True)
class Counting:
    """`report(outcome, tile)` for each report that came to a decision, `photo(outcome, seconds)` for each photo."""

    report: Callable[[str, str], None]
    photo: Callable[[str, float], None]


UNCOUNTED = Counting(lambda outcome, tile: None, lambda outcome, seconds: None)


@contextmanager
def counting_report(counting: Counting, tile: str) -> Iterator[Callable[[Opened], None]]:
    """Call what it yields with the report that was opened; a refusal is counted by itself and raised on.

    What ends in a 503 is counted nowhere: it is not decided, and comes again.
    """

    def opened(found: Opened) -> None:
        counting.report(STORED_BEFORE if found.replayed else found.report.how, tile)

    try:
        yield opened
    except Refused:
        counting.report("refused", tile)
        raise


@contextmanager
def counting_photo(counting: Counting) -> Iterator[Callable[[bool], None]]:
    """Call what it yields with whether the photo is new; a refusal is counted under its name and raised on."""
    begun = time.perf_counter()

    def seconds() -> float:
        return time.perf_counter() - begun

    try:
        yield lambda new: counting.photo("stored" if new else STORED_BEFORE, seconds())
    except Refused as error:
        counting.photo(error.problem_code, seconds())
        raise
    except Unavailable:
        counting.photo("unavailable", seconds())
        raise


_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class ReportMetrics:
    """Reports and photos of one api process. Labels are bounded: outcomes, and the tiles of the reference data."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reports = Counter(
            "qianshao_intake_reports_total",
            "Reports by outcome (opened, joined, broken_again, stored_before, refused) and the tile of their category",
            ("outcome", "tile"),
            registry=registry,
        )
        self._photos = Counter(
            "qianshao_intake_photos_total",
            "Photos by outcome: stored, stored_before, unavailable, or the name of the refusal",
            ("outcome",),
            registry=registry,
        )
        self._seconds = Histogram(
            "qianshao_intake_photo_seconds",
            "From having read a photo to having stored it, waiting for a process included; refused ones too",
            buckets=_SECONDS,
            registry=registry,
        )

    @property
    def counting(self) -> Counting:
        """What the desk calls."""
        return Counting(lambda outcome, tile: self._reports.labels(outcome, tile).inc(), self._photo)

    def _photo(self, outcome: str, seconds: float) -> None:
        self._photos.labels(outcome).inc()
        self._seconds.observe(seconds)
