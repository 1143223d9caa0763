"""Activities over HTTP: riders record, captains recommend, desks decide; each sees his own, his squad's, his communities'."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from services.points.activities import Desk, RecordActivity
from services.points.activity_forms import ActivityIn
from services.points.activity_out import (
    ActivitiesOut,
    ActivityOut,
    activity_out,
    page_out,
)
from services.points.activity_ports import ActivityViews
from services.points.domain.activity import Activity, activity_id
from services.points.domain.campaign import community_of
from services.points.domain.listing import Mark, read_cursor
from services.points.ports import GridBook
from shared.clock import Clock
from shared.errors import Invalid, NotFound
from shared.masking import mask_phones
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal, Role
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint

After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]
NONE = "there is no such activity for you"


@dataclass(frozen=True, slots=True)
class ActivityDesk:
    """What the routes of activities work with."""

    lane: Lane
    desk: Desk
    views: ActivityViews
    grids: GridBook
    clock: Clock


def router(parts: ActivityDesk) -> APIRouter:
    """The routes by which activities are recorded and read; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/activities", status_code=201, response_model=ActivityOut, summary="Record what I did")
    async def post_activity(wish: ActivityIn, request: Request, caller: Caller) -> Response:
        command = RecordActivity(parts.desk, _activity(parts, wish, caller), context_of(request, caller.actor))
        stored, version, replayed = await parts.lane.submit(command)
        headers = {"Idempotency-Replayed": "true"} if replayed else {}
        return JSONResponse(activity_out((stored, version)).model_dump(mode="json"), 201, headers)

    @routes.get("/activities", summary="My activities, or those of my communities, the newest first")
    async def get_activities(caller: Caller, after: After = None, limit: Limit = 20) -> ActivitiesOut:
        read = parts.views.own if caller.role is Role.RIDER else parts.views.of_desk
        return page_out(await read(caller.scope, _mark(after), limit + 1), limit)

    @routes.get("/activities/waiting", summary="What waits for a desk of mine, the oldest first")
    async def get_waiting(caller: Caller, after: After = None, limit: Limit = 20) -> ActivitiesOut:
        return page_out(await parts.views.waiting(caller.scope, _mark(after), limit + 1), limit)

    @routes.get("/squad/activities", summary="What waits of the squad that I lead, the oldest first")
    async def get_squad(caller: Caller, after: After = None, limit: Limit = 20) -> ActivitiesOut:
        return page_out(await parts.views.of_squad(caller.scope, caller.squad_led, _mark(after), limit + 1), limit)

    @routes.get("/activities/{activity_id}", summary="One activity with its history")
    async def get_activity(activity_id: str, caller: Caller) -> ActivityOut:
        found = await parts.views.activity(caller.scope, caller.squad_led, activity_id)
        if found is None:
            raise NotFound(NONE)
        return activity_out(found)

    return routes


def _activity(parts: ActivityDesk, wish: ActivityIn, caller: Principal) -> Activity:
    if not parts.grids.has_grid(caller.subdistrict, wish.grid):
        raise Invalid.field("grid", "there is no such grid in your sub-district")
    now, captured = parts.clock(), wish.captured_at.replace(microsecond=wish.captured_at.microsecond // 1000 * 1000)
    return Activity(
        id=activity_id(caller.id, wish.client_key),
        fingerprint=fingerprint(wish),
        subdistrict=caller.subdistrict,
        rider=caller.id,
        kind=wish.kind,
        grid=wish.grid,
        captured_at=captured,
        received_at=now,
        at=now,
        community=community_of(wish.grid),
        squad=caller.squad,
        household=wish.household,
        text=mask_phones(wish.text),
        photo_ids=tuple(dict.fromkeys(wish.photo_ids)),
    )


def _mark(after: str | None) -> Mark | None:
    return None if after is None else read_cursor(after)
