"""When riders report: all day, most at lunch and supper, and in one hour if there is a storm."""

import random
from datetime import timedelta

_OPENS, _CLOSES = 6.0, 23.0
_LUNCH, _SUPPER, _SPREAD = 12.0, 18.5, 0.8
_STORM, _STORM_LASTS = 15.0, 1.0
_STORM_SHARE = 0.4
"""Hours, and the share of the day's reports that a storm draws together."""


def moments(chance: random.Random, count: int, *, storm: bool) -> list[tuple[timedelta, bool]]:
    """`count` moments from midnight in order, each with whether the storm is its reason."""
    drawn = round(count * _STORM_SHARE) if storm else 0
    usual = [(_usual(chance), False) for _ in range(count - drawn)]
    return sorted([*usual, *((_of_storm(chance), True) for _ in range(drawn))])


def _usual(chance: random.Random) -> timedelta:
    middle = chance.choices((None, _LUNCH, _SUPPER), (0.3, 0.4, 0.3))[0]
    hour = chance.uniform(_OPENS, _CLOSES) if middle is None else chance.gauss(middle, _SPREAD)
    return _at(min(max(hour, _OPENS), _CLOSES))


def _of_storm(chance: random.Random) -> timedelta:
    return _at(_STORM + chance.uniform(0.0, _STORM_LASTS))


def _at(hour: float) -> timedelta:
    return timedelta(seconds=round(hour * 3600))
