"""Time comes in through the door: functions take a `Clock` or a `datetime`, they never ask the system themselves."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""


def system_clock() -> datetime:
    """Server time, cut to milliseconds because that is all MongoDB stores: what is answered equals what is read back."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
