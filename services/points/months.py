"""Calendar months where the sub-district is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from shared.errors import NotFound


def bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of `2026-11`, and of the month after it. Raises `NotFound` for what is no month."""
    try:
        year, number = (int(part) for part in month.split("-"))
        return datetime(year, number, 1, tzinfo=zone), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    except ValueError:
        raise NotFound("month: a month is written 2026-11") from None


def quarter_bounds(quarter: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The same of `2026-Q4`."""
    year, _, number = quarter.partition("-Q")
    first = int(number) * 3 - 2
    return bounds(f"{year}-{first:02}", zone)[0], bounds(f"{year}-{first + 2:02}", zone)[1]


def last_months(now: datetime, zone: ZoneInfo, count: int) -> list[tuple[datetime, datetime]]:
    """The last `count` whole months before the one of `now`, the oldest first."""
    day = now.astimezone(zone)
    numbers = [day.year * 12 + day.month - 1 - back for back in range(count, 0, -1)]
    return [bounds(f"{number // 12:04}-{number % 12 + 1:02}", zone) for number in numbers]
