"""Working time: which days and hours count, one file a year, and what a year without a file means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import Field, NaiveDatetime, PositiveInt

from shared.reference.files import Fault, Strict

Clock = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Quoted in YAML, where 14:00 alone is a number."""

Span = tuple[time, time]

UNKNOWN_YEAR_HOURS: tuple[Span, ...] = ((time(8), time(12)), (time(14), time(18)))
"""For an installation without any calendar: the hours of the standard, assumed, so its deadlines are unconfirmed."""


class Stretch(Strict):
    """Days from the first to the last."""

    first: date
    last: date


class CalendarLimit(Strict):
    value: PositiveInt
    unit: Literal["wh", "wd"]


class CalendarCase(Strict):
    """An example that must come out as written, in local time: `start` and a limit make `due`."""

    start: NaiveDatetime
    limit: CalendarLimit
    due: NaiveDatetime
    confirmed: bool = True


class CalendarFile(Strict):
    """One year as the government announced it: Monday to Friday, less `days_off` and with `days_working`.

    `source` says where it is announced. `confirmed` is the part of the year that the file is complete for, all of it by
    default; on other days the week alone decides and what is computed over them is unconfirmed. A case shows it.
    """

    year: int = Field(ge=2000, le=2200)
    source: str = Field(min_length=1)
    confirmed: Stretch | None = None
    hours: tuple[tuple[Clock, Clock], ...] = Field(min_length=1)
    days_off: tuple[date, ...] = ()
    days_working: tuple[date, ...] = ()
    cases: tuple[CalendarCase, ...] = Field(min_length=1)

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in self.hours)

    def confirms(self, day: date) -> bool:
        return self.confirmed is None or self.confirmed.first <= day <= self.confirmed.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """All years that there is a file for."""

    years: Mapping[int, CalendarFile]

    def works(self, day: date) -> bool:
        """Whether people work on that day; Monday to Friday where nothing else is announced."""
        year = self.years.get(day.year)
        if year is None or not year.confirms(day):
            return day.weekday() < 5
        return day in year.days_working or (day.weekday() < 5 and day not in year.days_off)

    def confirms(self, day: date) -> bool:
        """Whether a file says so."""
        year = self.years.get(day.year)
        return year is not None and year.confirms(day)

    def spans(self, day: date) -> tuple[Span, ...]:
        """Hours of a working day; those of the nearest year that has a file where that year has none."""
        if not self.years:
            return UNKNOWN_YEAR_HOURS
        return self.years[min(self.years, key=lambda year: (abs(year - day.year), year))].spans

    def working_day(self, day: date) -> timedelta:
        """How long a working day is in that year."""
        return sum((_length(opens, closes) for opens, closes in self.spans(day)), timedelta())

    def after(self, start: datetime, left: timedelta) -> tuple[datetime, bool]:
        """The local time at which `left` of working time from the local `start` is used up, and whether that is confirmed."""
        day, confirmed = start.date(), True
        while True:
            confirmed = confirmed and self.confirms(day)
            for opens, closes in self.spans(day) if self.works(day) else ():
                begin, end = max(datetime.combine(day, opens), start), datetime.combine(day, closes)
                if end - begin >= left:
                    return begin + left, confirmed
                left -= max(end - begin, timedelta())
            day += timedelta(days=1)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two local times; nothing if `end` is not later."""
        day, found = start.date(), timedelta()
        while day <= end.date():
            for opens, closes in self.spans(day) if self.works(day) else ():
                begin, close = max(datetime.combine(day, opens), start), min(datetime.combine(day, closes), end)
                found += max(close - begin, timedelta())
            day += timedelta(days=1)
        return found


def check(files: Mapping[str, CalendarFile], faults: list[Fault]) -> None:
    """Each file is of the year it is named after, its days are of that year, and its cases come out as written."""
    calendar = Calendar({file.year: file for file in files.values()})
    for name, file in files.items():
        found = list(_contradictions(name, file))
        faults += [Fault(name, where, reason) for where, reason in found]
        # Cases mean something only once the hours do.
        for number, case in enumerate(file.cases if not found else ()):
            reason = _failure(case, calendar)
            if reason:
                faults.append(Fault(name, f"cases.{number}", reason))


def _contradictions(name: str, file: CalendarFile) -> Iterable[tuple[str, str]]:
    if name != f"calendar-{file.year}.yaml":
        yield "year", f"{file.year} does not fit the file's name"
    for part, days in (("days_off", file.days_off), ("days_working", file.days_working)):
        for day in days:
            if day.year != file.year or not file.confirms(day):
                yield part, f"{day} is not in the part of {file.year} that is confirmed"
    for day in sorted({*file.days_off} & {*file.days_working}):
        yield "days_working", f"{day} is also off"
    clock = [moment for span in file.spans for moment in span]
    if clock != sorted(set(clock)):
        yield "hours", "must follow each other, each from its opening to its closing"
    if file.confirmed and not (file.confirmed.first <= file.confirmed.last and file.confirmed.first.year == file.year):
        yield "confirmed", f"is no part of {file.year}"


def _failure(case: CalendarCase, calendar: Calendar) -> str | None:
    left = case.limit.value * (calendar.working_day(case.start) if case.limit.unit == "wd" else timedelta(hours=1))
    due, confirmed = calendar.after(case.start, left)
    if due != case.due:
        return f"expected {case.due:%Y-%m-%d %H:%M}, got {due:%Y-%m-%d %H:%M}"
    if confirmed != case.confirmed:
        return f"expected it {'confirmed' if case.confirmed else 'unconfirmed'}, and it is not"
    return None


def _length(opens: time, closes: time) -> timedelta:
    return datetime.combine(date.min, closes) - datetime.combine(date.min, opens)
