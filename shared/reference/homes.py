"""The homes of micro-grid officers: where they are, what they offer (1+7+X) and what they can afford to promise."""

from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import Field, NonNegativeInt

from shared.geo.grid import GridIndex
from shared.reference.files import Fault, Named, Strict
from shared.reference.places import Centre, Place

Have = Literal["sign", "services", "rest_area", "training", "supplies", "advice"]
"""The "six haves": unified sign, listed services, rest area, training, supplies, advice and help."""

Basic = Literal["policy_publicity", "hardship_help", "policy_advice", "reading", "rest", "charging", "water"]
"""The seven basic services of 1+7+X."""

HAVES: tuple[Have, ...] = get_args(Have)
BASICS: tuple[Basic, ...] = get_args(Basic)


class Service(Named):
    """One of the X: what this home offers beside the seven."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")


class Home(Named):
    """`place`: WGS-84 degrees, inside its community. `budget`: whole points that its prizes may be worth in
    a calendar month, or in a quarter where `budget_period` says so.

    `haves` and `basics` list what is really there: a home that lacks one is not refused, but `missing` names it.
    """

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,40}$")
    community: str = Field(pattern="^[0-9]{12}$")
    place: Centre
    hours: str = Field(pattern="^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$")
    haves: tuple[Have, ...]
    basics: tuple[Basic, ...]
    individual: tuple[Service, ...] = ()
    budget: NonNegativeInt
    budget_period: Literal["month", "quarter"] = "month"
    sponsors: tuple[Named, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of the six haves and the seven services it does not have."""
        return tuple(name for name in (*HAVES, *BASICS) if name not in (*self.haves, *self.basics))


class HomesFile(Strict):
    homes: tuple[Home, ...] = Field(min_length=1)


def check(files: Mapping[str, HomesFile], places: Mapping[str, Place], grid: GridIndex, faults: list[Fault]) -> None:
    """Codes are unique, every home stands in the community that it belongs to, nothing is listed twice."""
    seen: set[str] = set()
    for name, home in ((name, home) for name, file in files.items() for home in file.homes):
        where = f"homes ({home.code})"
        if home.code in seen:
            faults.append(Fault(name, f"{where}.code", "code twice"))
        seen.add(home.code)
        if home.community not in places:
            faults.append(Fault(name, f"{where}.community", f"{home.community} is not in the grid tree"))
        else:
            path = grid.locate(home.place.lng, home.place.lat)
            stands = path.community if path else "outside every micro-grid"
            if stands != home.community:
                faults.append(Fault(name, f"{where}.place", f"is in {stands}, not in {home.community}"))
        codes = tuple(service.code for service in home.individual)
        for part, listed in (("haves", home.haves), ("basics", home.basics), ("individual", codes)):
            if len(set(listed)) < len(listed):
                faults.append(Fault(name, f"{where}.{part}", "one of them twice"))
