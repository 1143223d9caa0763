"""Activities over HTTP: riders record, captains recommend, desks decide; each sees his own, his squad's, his communities'."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from services.points.activities import DecideActivity, Desk, RecordActivity, Sight
from services.points.activity_forms import ActivityIn, ApprovalIn, ApprovalsIn, RejectIn, SeenIn
from services.points.activity_out import (
    ActivitiesOut,
    ActivityOut,
    ApprovalsOut,
    ApprovedOut,
    activity_out,
    page_out,
)
from services.points.domain.activity import Act, Activity, activity_id
from services.points.domain.campaign import community_of
from services.points.domain.listing import Mark, read_cursor
from services.points.ports import ActivityViews, GridBook
from shared.clock import Clock
from shared.errors import FieldError, Forbidden, Invalid, NotFound, Refused, Unavailable
from shared.masking import mask_phones
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal, Role
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint
from shared.web.problems import problem_body

After = Annotated[str | None, Query(max_length=200, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]
NONE = "there is no such activity for you"


@dataclass(frozen=True, slots=True)
class ActivityDesk:
    """What the routes of activities work with; `decided` counts (kind, outcome)."""

    lane: Lane
    desk: Desk
    views: ActivityViews
    grids: GridBook
    clock: Clock
    decided: Callable[[str, str], None]


def router(parts: ActivityDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
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

    @routes.get("/squad/activities", summary="What waits of my squad, the oldest first")
    async def get_squad(caller: Caller, after: After = None, limit: Limit = 20) -> ActivitiesOut:
        squad = _captain(caller)
        return page_out(await parts.views.of_squad(caller.scope, squad, _mark(after), limit + 1), limit)

    @routes.get("/activities/{activity_id}", summary="One activity with its history")
    async def get_activity(activity_id: str, caller: Caller) -> ActivityOut:
        found = await parts.views.activity(caller.scope, caller.squad if caller.captain else None, activity_id)
        if found is None:
            raise NotFound(NONE)
        return activity_out(found)

    @routes.post("/activities/approve", summary="Approve several activities, each on its own")
    async def approve_many(wish: ApprovalsIn, request: Request, caller: Caller) -> ApprovalsOut:
        """One that is refused hinders none of the others."""
        found = await asyncio.gather(*(_approve(parts, one, request, caller) for one in wish.activities))
        return ApprovalsOut(activities=list(found))

    @routes.post("/activities/{activity_id}/recommend", summary="Recommend what somebody of my squad did")
    async def recommend(activity_id: str, wish: SeenIn, request: Request, caller: Caller) -> ActivityOut:
        _captain(caller)
        return await _decide(parts, activity_id, wish, Act.RECOMMEND, request, caller)

    @routes.post("/activities/{activity_id}/approve", summary="Approve an activity")
    async def approve(activity_id: str, wish: SeenIn, request: Request, caller: Caller) -> ActivityOut:
        return await _decide(parts, activity_id, wish, Act.APPROVE, request, caller)

    @routes.post("/activities/{activity_id}/reject", summary="Do not count an activity, with a reason")
    async def reject(activity_id: str, wish: RejectIn, request: Request, caller: Caller) -> ActivityOut:
        return await _decide(parts, activity_id, wish, Act.REJECT, request, caller, mask_phones(wish.reason))

    @routes.post("/activities/{activity_id}/withdraw", summary="Take back what I recorded")
    async def withdraw(activity_id: str, wish: SeenIn, request: Request, caller: Caller) -> ActivityOut:
        return await _decide(parts, activity_id, wish, Act.WITHDRAW, request, caller)

    return routes


def _captain(caller: Principal) -> str:
    """His squad. Raises `Forbidden` for everybody else."""
    if not caller.captain or caller.squad is None:
        raise Forbidden("this is for the captain of a squad")
    return caller.squad


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


async def _decide(
    parts: ActivityDesk,
    id_: str,
    wish: SeenIn | ApprovalIn,
    act: Act,
    request: Request,
    caller: Principal,
    reason: str | None = None,
) -> ActivityOut:
    sight = Sight(caller.scope, caller.squad if caller.captain else None)
    context = context_of(request, caller.actor)
    found = await parts.lane.submit(
        DecideActivity(parts.desk, id_, wish.expected_version, act, sight, context, reason)
    )
    if found[0].decided_at is not None:
        parts.decided(found[0].kind, found[0].state)
    return activity_out(found)


async def _approve(parts: ActivityDesk, one: ApprovalIn, request: Request, caller: Principal) -> ApprovedOut:
    try:
        done = await _decide(parts, one.activity, one, Act.APPROVE, request, caller)
    except Refused as error:
        return _refused(error.status, error.problem_code, error.detail, *error.errors)
    except Unavailable as error:
        return _refused(503, "unavailable", error.detail)
    return ApprovedOut(status=200, activity=done)


def _refused(status: int, code: str, detail: str, *errors: FieldError) -> ApprovedOut:
    return ApprovedOut(status=status, problem=problem_body(status, code, detail, *errors))


def _mark(after: str | None) -> Mark | None:
    return None if after is None else read_cursor(after)
