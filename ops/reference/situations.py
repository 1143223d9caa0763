"""Times and answers at which a change of routing rules may show, beside the plain working day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from shared.reference.categories import CategoryKey
from shared.reference.moments import DAYS
from shared.reference.reference import Reference

PLAIN_DAY = datetime(2026, 11, 25, 10, 0)  # noqa: DTZ001 - a Wednesday by the clock on the wall
_MONDAY = PLAIN_DAY.date() - timedelta(days=PLAIN_DAY.weekday())
_SUNDAY_NIGHT = datetime.combine(_MONDAY + timedelta(days=6), time(3))


@dataclass(frozen=True, slots=True)
class Situation:
    """`said`: in words, empty for the plain one. `local`: the clock on the wall."""

    said: str
    local: datetime
    answers: Mapping[str, str] = field(default_factory=dict)


def situations(before: Reference, after: Reference, key: CategoryKey) -> Iterator[Situation]:
    """The plain one first; then the beginning of all hours and every day that a rule of either names, a night without work,
    and every answer that either category knows, each alone."""
    yield Situation("", PLAIN_DAY)
    rules = [rule.when for reference in (before, after) for rule in reference.rules]
    for hours in sorted({hours for when in rules for hours in when.hours}):
        yield Situation(hours, datetime.combine(PLAIN_DAY, time.fromisoformat(hours.partition("-")[0])))
    for day in sorted({day for when in rules for day in when.days}, key=DAYS.index):
        yield Situation(day, datetime.combine(_MONDAY + timedelta(days=DAYS.index(day)), PLAIN_DAY.time()))
    if any(when.working is not None for when in rules):
        yield Situation("outside working time", _SUNDAY_NIGHT)
    asked = {
        (q, choice) for ref in (before, after) for q, all_ in ref.categories[key].choices.items() for choice in all_
    }
    for question, choice in sorted(asked):
        yield Situation(f"{question} = {choice}", PLAIN_DAY, {question: choice})
