"""A month of a passbook: where it stood before, every line, where it stood after, and the ends of its chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.points.domain.entry import Entry


@dataclass(frozen=True, slots=True)
class Statement:
    """Of `rider` in `month` (`2026-11`). `before`: the last line before it, None if there is none."""

    rider: str
    month: str
    before: Entry | None
    lines: Sequence[Entry]

    @property
    def opening(self) -> int:
        return self.before.balance if self.before else 0

    @property
    def opening_pending(self) -> int:
        return self.before.pending if self.before else 0

    @property
    def last(self) -> Entry | None:
        return self.lines[-1] if self.lines else self.before

    @property
    def closing(self) -> int:
        return self.last.balance if self.last else 0

    @property
    def closing_pending(self) -> int:
        return self.last.pending if self.last else 0


@dataclass(frozen=True, slots=True)
class StockMonth:
    """A prize at a home in a month, in pieces. `counted`: what countings found more or less."""

    prize: str
    opening: int
    delivered: int
    counted: int
    picked_up: int
    closing: int


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One redemption that was picked up, without its rider."""

    redemption: str
    prize: str
    points: int
    at: datetime


@dataclass(frozen=True, slots=True)
class HomeMonth:
    """What a home had and handed out in a month."""

    home: str
    month: str
    stocks: Sequence[StockMonth]
    handed_out: Sequence[HandedOut]

    @property
    def points(self) -> int:
        return sum(one.points for one in self.handed_out)


@dataclass(frozen=True, slots=True)
class Earned:
    """Points and awards of one kind."""

    key: str
    points: int
    count: int


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A sub-district's month: awards by activity, redemptions by how they ended, points by home, benefits by sort.
    `riders`: how many were awarded anything; `taken_back`: points of reversals."""

    subdistrict: str
    month: str
    riders: int
    awards: Sequence[Earned]
    taken_back: int
    redemptions: Sequence[Earned]
    homes: Sequence[Earned]
    benefits: Sequence[Earned]


def masked(name: str) -> str:
    """A name as a notice may show it: the first sign, and a star for every other, at most two."""
    name = name.strip()
    return name[:1] + "*" * min(max(len(name) - 1, 1), 2) if name else "骑手"
