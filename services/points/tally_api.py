"""What a round of visits has come to, by micro-grid: for the desks, without names."""

from fastapi import APIRouter
from pydantic import BaseModel

from services.points.activity_ports import VisitViews
from services.points.domain.visit import Tally
from services.points.ports import CampaignViews
from shared.errors import NotFound
from shared.web.auth import Caller


class GridTallyOut(BaseModel):
    """One micro-grid. `unpaid`: visits of a household that the same rider had visited before, or after the campaign was
    closed; `flagged`: late, or with the phone elsewhere; `answers`: how often each word was given, by item."""

    micro_grid: str
    visits: int
    households: int
    points: int
    unpaid: int
    flagged: int
    answers: dict[str, dict[str, int]]


class TallyOut(BaseModel):
    """All of a campaign that lies in the caller's communities."""

    campaign: str
    visits: int
    households: int
    points: int
    grids: list[GridTallyOut]


def router(campaigns: CampaignViews, visits: VisitViews) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/campaigns/{campaign_id}/tally", summary="What a round of visits has come to")
    async def get_tally(campaign_id: str, caller: Caller) -> TallyOut:
        if await campaigns.campaign(caller.scope, campaign_id) is None:
            raise NotFound("there is no such campaign for you")
        return tally_out(campaign_id, await visits.tally(caller.scope, campaign_id))

    return routes


def tally_out(campaign: str, found: list[Tally]) -> TallyOut:
    """The sum and its parts."""
    grids = [GridTallyOut(**{name: getattr(tally, name) for name in GridTallyOut.model_fields}) for tally in found]
    return TallyOut(
        campaign=campaign,
        visits=sum(tally.visits for tally in found),
        households=sum(tally.households for tally in found),
        points=sum(tally.points for tally in found),
        grids=grids,
    )
