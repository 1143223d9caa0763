"""How a simulated department behaves: what it makes of an order follows from the seed and the order alone."""

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Course(StrEnum):
    """What becomes of an order."""

    MENDS = "mends"
    RETURNS = "returns"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most` seconds, each as likely. Raises `ValueError` for a range that is none."""

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"{self.least:g}..{self.most:g}: from nothing upwards")

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Of `5..60`, or of `5` alone. Raises `ValueError`."""
        least, _, most = text.partition("..")
        return cls(float(least), float(most or least))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`returns`, `silent`: shares of the orders, together at most 1. Raises `ValueError` for others."""

    accept_after: Range
    done_after: Range
    returns: float = 0.0
    silent: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.returns, self.silent) < 0 or self.returns + self.silent > 1:
            raise ValueError(f"returns {self.returns:g}, silent {self.silent:g}: shares, together at most 1")

    def of(self, order: str) -> "Fate":
        """What becomes of this order; the same whenever it is asked."""
        chance = random.Random(f"{self.seed}/{order}")  # noqa: S311 - a play
        drawn = chance.random()
        course = Course.MENDS
        if drawn < self.returns + self.silent:
            course = Course.RETURNS if drawn < self.returns else Course.SILENT
        waits = [chance.uniform(wait.least, wait.most) for wait in (self.accept_after, self.done_after)]
        return Fate(course, *(timedelta(seconds=wait) for wait in waits))


@dataclass(frozen=True, slots=True)
class Fate:
    """An order's course: `answer_after` it is offered, `done_after` it is accepted."""

    course: Course
    answer_after: timedelta
    done_after: timedelta
