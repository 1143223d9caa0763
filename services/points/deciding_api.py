"""Deciding about activities over HTTP: captains recommend, desks approve one or many or reject, riders take back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from services.points.activities import DecideActivity, Desk, Sight
from services.points.activity_forms import ApprovalIn, ApprovalsIn, RejectIn, SeenIn
from services.points.activity_out import ActivityOut, ApprovalsOut, ApprovedOut, activity_out
from services.points.answering import Key, Rendered
from services.points.domain.activity import Act
from shared.errors import FieldError, Refused, Unavailable
from shared.masking import mask_phones
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, submit_once
from shared.web.problems import problem_body


@dataclass(frozen=True, slots=True)
class DecidingDesk:
    """What these routes work with; `decided` counts (kind, outcome)."""

    lane: Lane
    desk: Desk
    decided: Callable[[str, str], None]


def router(parts: DecidingDesk) -> APIRouter:
    """The routes by which something happens to an activity; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/activities/approve", summary="Approve several activities, each on its own")
    async def approve_many(wish: ApprovalsIn, request: Request, caller: Caller, key: Key) -> ApprovalsOut:
        """One that is refused hinders none of the others. Each is answered as before when all are sent again."""
        found = await asyncio.gather(
            *(_approve(parts, one, request, caller, f"{key}|{one.activity}") for one in wish.activities)
        )
        return ApprovalsOut(activities=list(found))

    @routes.post(
        "/activities/{activity_id}/recommend",
        response_model=ActivityOut,
        summary="Recommend what somebody of my squad did",
    )
    async def recommend(activity_id: str, wish: SeenIn, request: Request, caller: Caller, key: Key) -> Response:
        return await _decide(parts, activity_id, wish, Act.RECOMMEND, request, caller, key)

    @routes.post("/activities/{activity_id}/approve", response_model=ActivityOut, summary="Approve an activity")
    async def approve(activity_id: str, wish: SeenIn, request: Request, caller: Caller, key: Key) -> Response:
        return await _decide(parts, activity_id, wish, Act.APPROVE, request, caller, key)

    @routes.post(
        "/activities/{activity_id}/reject",
        response_model=ActivityOut,
        summary="Do not count an activity, with a reason",
    )
    async def reject(activity_id: str, wish: RejectIn, request: Request, caller: Caller, key: Key) -> Response:
        return await _decide(parts, activity_id, wish, Act.REJECT, request, caller, key, mask_phones(wish.reason))

    @routes.post("/activities/{activity_id}/withdraw", response_model=ActivityOut, summary="Take back what I recorded")
    async def withdraw(activity_id: str, wish: SeenIn, request: Request, caller: Caller, key: Key) -> Response:
        return await _decide(parts, activity_id, wish, Act.WITHDRAW, request, caller, key)

    return routes


async def _decide(
    parts: DecidingDesk,
    id_: str,
    wish: SeenIn | ApprovalIn,
    act: Act,
    request: Request,
    caller: Principal,
    key: str,
    reason: str | None = None,
) -> Response:
    sight = Sight(caller.scope, caller.squad_led)
    context = context_of(request, caller.actor)
    command = DecideActivity(parts.desk, id_, wish.expected_version, act, sight, context, reason)
    answer = await submit_once(parts.lane, caller, key, fingerprint(wish, act, id_), Rendered(command, activity_out))
    done = ActivityOut.model_validate_json(bytes(answer.body))
    if done.decided_at is not None and "Idempotency-Replayed" not in answer.headers:
        parts.decided(done.kind, done.state)
    return answer


async def _approve(parts: DecidingDesk, one: ApprovalIn, request: Request, caller: Principal, key: str) -> ApprovedOut:
    try:
        done = await _decide(parts, one.activity, one, Act.APPROVE, request, caller, key)
    except Refused as error:
        return _refused(error.status, error.problem_code, error.detail, *error.errors)
    except Unavailable as error:
        return _refused(503, "unavailable", error.detail)
    return ApprovedOut(status=200, activity=ActivityOut.model_validate_json(bytes(done.body)))


def _refused(status: int, code: str, detail: str, *errors: FieldError) -> ApprovedOut:
    return ApprovedOut(status=status, problem=problem_body(status, code, detail, *errors))
