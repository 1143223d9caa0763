"""Visits of rounds: what one is worth, decided once for each rider and household of a campaign."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.points.domain.campaign import Campaign

Outcome = Literal["paid", "again", "closed", "no_campaign"]
"""`paid`: it has a line in the passbook, of 0 points over a cap; `again`: this rider was at this household before;
`closed`: after the campaign was closed; `no_campaign`: there is none of this name in that sub-district."""

_HOUSEHOLDS = uuid.UUID("5e0c1f7a-92d4-5b36-8a1e-c47d30b9e852")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a campaign. `answers`: words by item. A household is a code within its micro-grid, never a name.
    `outcome`: what became of it, with its `points`; None before that was decided."""

    id: str
    subdistrict: str
    campaign: str
    rider: str
    micro_grid: str
    household: str
    answers: dict[str, str]
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    flags: tuple[str, ...]
    outcome: Outcome | None = None
    points: int = 0


def paid_for(visit: Visit) -> str:
    """What it is paid for, the same for every visit of that household in that campaign."""
    return str(uuid.uuid5(_HOUSEHOLDS, "\n".join((visit.campaign, visit.micro_grid, visit.household))))


def judge(visit: Visit, campaign: Campaign | None, at: datetime, *, before: bool) -> Outcome:
    """`at`: when it counts; `before`: whether it is in the ledger that this rider was at this household.

    Grids, dates and answers were checked by intake against the campaign as it then was; only of its end intake may hear late.
    """
    if campaign is None or campaign.subdistrict != visit.subdistrict:
        return "no_campaign"
    if campaign.closed_at is not None and at >= campaign.closed_at:
        return "closed"
    return "again" if before else "paid"


@dataclass(frozen=True, slots=True)
class Tally:
    """What a campaign has come to in one micro-grid. `unpaid`: visits without a line of their own, see `Outcome`; `flagged`:
    late, or with the phone elsewhere; `answers`: how often each word was given, by item."""

    micro_grid: str
    visits: int
    households: int
    points: int
    unpaid: int
    flagged: int
    answers: dict[str, dict[str, int]]
