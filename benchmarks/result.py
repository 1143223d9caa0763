"""One row of the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, the number with its unit, the floor it is compared with, and the ratio of the two."""

    what: str
    measured: str
    floor: str = ""
    ratio: str = ""


def rate(what: str, per_second: float, floor_per_second: float, floor: str) -> Result:
    """A throughput beside the throughput of the floor."""
    return Result(
        what,
        f"{per_second:,.0f}/s",
        f"{floor_per_second:,.0f}/s ({floor})",
        f"{per_second / floor_per_second:.1f} x",
    )


def percentiles(seconds: list[float]) -> str:
    """Median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {ordered[-1] * 1000:.0f} ms (n = {len(ordered)})"
