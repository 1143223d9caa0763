"""Benefits: what a home gives without points, such as insurance, supplies or gifts. A register of who got what from whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.errors import Conflict, Forbidden

Sort = Literal["insurance", "supplies", "festival_money", "gift", "other"]
SORTS: tuple[Sort, ...] = ("insurance", "supplies", "festival_money", "gift", "other")


class NotEligible(Conflict):
    """The benefit is not for this rider."""

    code = "not-eligible"


@dataclass(frozen=True, slots=True)
class For:
    """Whom a benefit is for; what is empty is for everybody."""

    status: tuple[str, ...] = ()
    squads: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a rider: see the contract `account-changed`."""

    status: str
    squad: str | None
    community: str | None


@dataclass(frozen=True, slots=True)
class Benefit:
    """One line of the register. `name_zh`, `name_en`: what was given; `by`: the actor who gave it. `revoked_at`: it was
    entered by mistake; the line stays."""

    id: str
    subdistrict: str
    community: str
    home: str
    rider: str
    sort: Sort
    name_zh: str
    name_en: str
    fingerprint: str
    given_at: datetime
    by: str
    at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    reason: str = ""


def check_eligible(whom: For, standing: Standing | None) -> None:
    """Raises `NotEligible` saying what does not fit; who is not known here fits only what is for everybody."""
    checks: Iterable[tuple[str, tuple[str, ...], str | None]] = (
        ("status", whom.status, standing.status if standing else None),
        ("squad", whom.squads, standing.squad if standing else None),
        ("community", whom.communities, standing.community if standing else None),
    )
    for name, wanted, found in checks:
        if wanted and found not in wanted:
            raise NotEligible(f"rider: is for {name} {', '.join(wanted)}, the rider's is {found or 'not known'}")


def check_giver(giver: str, rider: str) -> None:
    """Raises `Forbidden`: nobody hands out to himself."""
    if giver == rider:
        raise Forbidden("rider: nobody gives to himself; ask a colleague", code="own")
