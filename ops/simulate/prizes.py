"""What is handed out when a played day ends: the cheapest prize of a home, to riders whom the day has paid enough."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops.simulate.world import World

WISHES = 6
"""So many reserve, and the first of them thinks better of it."""


@dataclass(frozen=True, slots=True)
class Handout:
    """`points`: what one piece of `prize` costs. `riders`: numbers of those who can pay for it, in the order they are asked.

    More than `wishes` are named: who had his share of the month already leaves his turn to the next one.
    """

    home: str
    prize: str
    points: int
    riders: tuple[int, ...]

    @property
    def wishes(self) -> int:
        return min(WISHES, len(self.riders))

    @property
    def cancelled(self) -> int:
        """One, unless nobody else were left to pick up."""
        return 1 if self.wishes > 1 else 0

    def totals(self) -> Mapping[str, int]:
        """The lines of the account that it must come to."""
        picked_up = self.wishes - self.cancelled
        return {
            "prizes_reserved": self.wishes,
            "prizes_picked_up": picked_up,
            "prizes_cancelled": self.cancelled,
            "points_held": self.wishes * self.points,
            "points_spent": picked_up * self.points,
            "points_returned": self.cancelled * self.points,
        }


def handout(world: World, earners: Iterable[int]) -> Handout | None:
    """`earners`: the rider's number for each report that is paid as a first one. None where no home has a prize, or nobody
    earns enough for it."""
    reference = world.reference
    homes = {code for code, home in reference.homes.items() if home.community.startswith(world.subdistrict)}
    offers = [(one.points, one.code, home) for one in reference.prizes.values() for home in homes & one.stock.keys()]
    if not offers:
        return None
    points, prize, home = min(offers)
    paid = Counter(earners)
    first = reference.points.hazard.first.points
    riders = tuple(rider for rider, times in paid.items() if times * first >= points)
    return Handout(home, prize, points, riders) if riders else None
