"""Rounds over HTTP: which campaigns run where I am, and one visit of one."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake.checking import place_of
from services.intake.domain.campaign import Campaign
from services.intake.domain.visit import Visit, visit_id
from services.intake.forms import VisitIn
from services.intake.ports import CampaignViews, GridBook, PhotoStore, Rules
from services.intake.visits import RecordVisit, Rounds, new_visit
from shared.clock import Clock
from shared.errors import FieldError, Invalid
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint


class ItemOut(BaseModel):
    """One question of the checklist and the words it may be answered with."""

    code: str
    zh: str
    en: str
    answers: tuple[str, ...]


class CampaignOut(BaseModel):
    """A campaign that runs; `grids` are codes of any level, with everything below them."""

    campaign: str
    activity: str
    title_zh: str
    title_en: str
    items: list[ItemOut]
    grids: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class VisitOut(BaseModel):
    """A visit as it is stored."""

    visit_id: str
    campaign: str
    micro_grid: str
    household: str
    answers: dict[str, str]
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoundsDesk:
    """What the routes of rounds work with."""

    lane: Lane
    rounds: Rounds
    views: CampaignViews
    photos: PhotoStore
    rules: Rules
    grids: GridBook
    clock: Clock


def router(desk: RoundsDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/campaigns", summary="The campaigns that run in my grids")
    async def get_campaigns(caller: Caller) -> list[CampaignOut]:
        return [_campaign_out(found) for found in await desk.views.running(caller.scope, desk.clock())]

    @routes.post("/visits", status_code=201, response_model=VisitOut, summary="Record one visit of a campaign")
    async def post_visit(wish: VisitIn, request: Request, caller: Caller) -> Response:
        visit = await _visit(desk, wish, caller)
        zone = desk.grids.zone(caller.subdistrict)
        command = RecordVisit(desk.rounds, visit, zone, context_of(request, caller.actor))
        stored, replayed = await desk.lane.submit(command)
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        return JSONResponse(_visit_out(stored).model_dump(mode="json"), 201, headers)

    return routes


async def _visit(desk: RoundsDesk, wish: VisitIn, caller: Principal) -> Visit:
    """Raises `Invalid` for photos and grids that are not there. The phone's place is compared and not kept."""
    own = await desk.photos.own(caller.scope, wish.photo_ids)
    wrong = [
        FieldError(f"photo_ids.{index}", "you have no such photo; upload it first")
        for index, id_ in enumerate(wish.photo_ids)
        if id_ not in own
    ]
    if not desk.grids.has_grid(caller.subdistrict, wish.micro_grid):
        wrong.append(FieldError("micro_grid", "there is no such micro-grid in your sub-district"))
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)
    grid = place_of(wish.place, desk.rules).grid if wish.place else None
    now, captured = desk.clock(), wish.captured_at.replace(microsecond=wish.captured_at.microsecond // 1000 * 1000)
    visit = Visit(
        id=visit_id(caller.id, wish.client_key),
        client_key=wish.client_key,
        fingerprint=fingerprint(wish),
        subdistrict=caller.subdistrict,
        campaign=wish.campaign,
        rider=caller.id,
        micro_grid=wish.micro_grid,
        household=wish.household,
        answers=dict(wish.answers),
        photo_ids=tuple(dict.fromkeys(wish.photo_ids)),
        captured_at=captured,
        received_at=now,
        at=now,
    )
    return new_visit(visit, elsewhere=grid is not None and grid.micro_grid != wish.micro_grid)


def _campaign_out(campaign: Campaign) -> CampaignOut:
    return CampaignOut(
        campaign=campaign.id,
        activity=campaign.activity,
        title_zh=campaign.title_zh,
        title_en=campaign.title_en,
        items=[ItemOut(code=item.code, zh=item.zh, en=item.en, answers=item.answers) for item in campaign.items],
        grids=campaign.grids,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
    )


def _visit_out(visit: Visit) -> VisitOut:
    return VisitOut(
        visit_id=visit.id, **{name: getattr(visit, name) for name in VisitOut.model_fields if name != "visit_id"}
    )
