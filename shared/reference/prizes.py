"""What points are redeemed for: prizes with the stock that each home begins with."""

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import Field, NonNegativeInt, PositiveInt

from shared.reference.files import Fault, Named, Strict
from shared.reference.homes import Home


class Prize(Named):
    """`points` is its price, `stock` how many of it a home has by the home's code: what it starts with, not what is left.

    `picture`: file name of a picture among the pages' static ones. `limit_month`: how many of it one rider may take in a
    calendar month, None is no limit. A home that has no more than `low` of it left is to be supplied.
    """

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,40}$")
    points: PositiveInt
    stock: dict[str, NonNegativeInt] = Field(min_length=1)
    picture: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]{0,60}\.(jpg|png|svg|webp)$")
    limit_month: PositiveInt | None = None
    low: NonNegativeInt = 0


class PrizesFile(Strict):
    prizes: tuple[Prize, ...] = Field(min_length=1)


def worth(prizes: Iterable[Prize]) -> Mapping[str, int]:
    """Points that the stock of each home is worth, by the home's code."""
    total: Counter[str] = Counter()
    for prize in prizes:
        total.update({home: prize.points * pieces for home, pieces in prize.stock.items()})
    return total


def check(files: Mapping[str, PrizesFile], homes: Mapping[str, Home] | None, faults: list[Fault]) -> None:
    """Codes are unique, homes known, and no home holds more than its budget covers. `homes` is None if unreadable."""
    seen: set[str] = set()
    for name, prize in ((name, prize) for name, file in files.items() for prize in file.prizes):
        where = f"prizes ({prize.code})"
        if prize.code in seen:
            faults.append(Fault(name, f"{where}.code", "code twice"))
        seen.add(prize.code)
        if homes is not None:
            unknown = sorted(prize.stock.keys() - homes.keys())
            faults += [Fault(name, f"{where}.stock.{home}", "there is no such home") for home in unknown]
    total = worth(prize for file in files.values() for prize in file.prizes)
    for home in homes.values() if homes else ():
        if total.get(home.code, 0) > home.budget:
            name = next(name for name, file in files.items() if any(home.code in p.stock for p in file.prizes))
            reason = f"is worth {total[home.code]} points, the home's budget is {home.budget}"
            faults.append(Fault(name, f"prizes.stock.{home.code}", f"{reason}: what it cannot cover it cannot promise"))
