"""Campaigns over HTTP: desks announce, change and close rounds of visits in their own communities."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from services.points.campaigns import DecideCampaign, OpenCampaign, campaign_id, to_closed, to_plan
from services.points.domain.campaign import Campaign, Item, Plan
from services.points.forms import CampaignChangeIn, CampaignIn, CloseIn, PlanIn
from services.points.ports import CampaignViews, GridBook, Versioned
from shared.errors import FieldError, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint


class ItemOut(BaseModel):
    """One question and its words."""

    code: str
    zh: str
    en: str
    answers: tuple[str, ...]


class CampaignOut(BaseModel):
    """A campaign as it is. `version` goes into the next change; `communities` is empty for the whole sub-district."""

    campaign: str
    version: int
    state: str
    activity: str
    title_zh: str
    title_en: str
    items: list[ItemOut]
    grids: tuple[str, ...]
    communities: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CampaignDesk:
    """What the routes of campaigns work with."""

    lane: Lane
    campaigns: Versioned[Campaign]
    views: CampaignViews
    grids: GridBook


def router(desk: CampaignDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/campaigns", status_code=201, summary="Announce a round of visits")
    async def post_campaign(wish: CampaignIn, request: Request, caller: Caller) -> CampaignOut:
        plan, id_ = _plan(wish, caller.subdistrict, desk.grids), campaign_id(caller.id, wish.client_key)
        context = context_of(request, caller.actor)
        return _out(
            await desk.lane.submit(OpenCampaign(desk.campaigns, id_, fingerprint(wish), plan, caller.scope, context))
        )

    @routes.put("/campaigns/{campaign_id}", summary="Change a round of visits")
    async def put_campaign(campaign_id: str, wish: CampaignChangeIn, request: Request, caller: Caller) -> CampaignOut:
        changes = to_plan(_plan(wish, caller.subdistrict, desk.grids))
        context = context_of(request, caller.actor)
        command = DecideCampaign(desk.campaigns, campaign_id, wish.expected_version, changes, caller.scope, context)
        return _out(await desk.lane.submit(command))

    @routes.post("/campaigns/{campaign_id}/close", summary="Close a round of visits")
    async def close_campaign(campaign_id: str, wish: CloseIn, request: Request, caller: Caller) -> CampaignOut:
        context = context_of(request, caller.actor)
        command = DecideCampaign(desk.campaigns, campaign_id, wish.expected_version, to_closed, caller.scope, context)
        return _out(await desk.lane.submit(command))

    @routes.get("/campaigns", summary="The rounds of visits of my communities, the latest first")
    async def get_campaigns(caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[CampaignOut]:
        return [_out(found) for found in await desk.views.campaigns(caller.scope, limit)]

    @routes.get("/campaigns/{campaign_id}", summary="One round of visits")
    async def get_campaign(campaign_id: str, caller: Caller) -> CampaignOut:
        found = await desk.views.campaign(caller.scope, campaign_id)
        if found is None:
            raise NotFound("there is no such campaign for you")
        return _out(found)

    return routes


def _plan(wish: PlanIn, subdistrict: str, grids: GridBook) -> Plan:
    """Raises `Invalid` naming each grid that is none of the sub-district's."""
    wrong = [
        FieldError(f"grids.{index}", f"there is no {code} in your sub-district")
        for index, code in enumerate(wish.grids)
        if not grids.has_grid(subdistrict, code)
    ]
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)
    items = tuple(Item(item.code, item.zh, item.en, tuple(dict.fromkeys(item.answers))) for item in wish.items)
    return Plan(wish.title_zh, wish.title_en, wish.activity, items, tuple(wish.grids), wish.starts_at, wish.ends_at)


def _out(found: tuple[Campaign, int]) -> CampaignOut:
    campaign, version = found
    plan = campaign.plan
    return CampaignOut(
        campaign=campaign.id,
        version=version,
        state=campaign.state,
        activity=plan.activity,
        title_zh=plan.title_zh,
        title_en=plan.title_en,
        items=[ItemOut(code=item.code, zh=item.zh, en=item.en, answers=item.answers) for item in plan.items],
        grids=plan.grids,
        communities=campaign.communities,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
    )
