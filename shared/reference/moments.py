"""When something comes in, as routing rules ask for it: hours on the wall, days of the week, working time."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated, Literal, get_args

from pydantic import Field

from shared.reference.calendars import Calendar

_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"

Hours = Annotated[str, Field(pattern=f"^{_CLOCK}-{_CLOCK}$")]
"""From the first minute up to, and without, the second: `22:00-06:00` goes over midnight, two equal ones are the whole day."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


@dataclass(frozen=True, slots=True)
class Moment:
    """`local`: the clock on the wall there, without an offset. `working`: whether people work then, by the calendar."""

    local: datetime
    working: bool

    @property
    def day(self) -> Day:
        """The day that it is on the wall: one o'clock at night belongs to the new day."""
        return DAYS[self.local.weekday()]

    def within(self, hours: str) -> bool:
        """Whether it is between the two times of the day."""
        opens, closes = (time.fromisoformat(text) for text in hours.split("-"))
        now = self.local.time()
        return opens <= now < closes if opens < closes else now >= opens or now < closes


def moment(calendar: Calendar, local: datetime) -> Moment:
    """What the calendar says of a local time (without an offset)."""
    day, now = local.date(), local.time()
    works = calendar.works(day) and any(opens <= now < closes for opens, closes in calendar.spans(day))
    return Moment(local, works)
