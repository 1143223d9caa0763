"""Checking in over HTTP: the code on the desk's screen, the rider's scan of it, the roster that staff tick."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import segno
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.points.activity_ports import GatheringViews, MemberViews
from services.points.checkins import CheckIn, Hall, Tick
from services.points.domain import checkin
from services.points.domain.gathering import Gathering, may_hold
from services.points.gathering_forms import AttendanceIn, CheckinIn
from services.points.gathering_out import CheckinOut, CodeOut, RosterOut, TickedOut, checkin_out, roster_out
from services.points.gatherings import NONE
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Refused
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Caller
from shared.web.correlation import context_of


@dataclass(frozen=True, slots=True)
class CheckinDesk:
    """What the routes of checking in work with; `counted` counts an outcome."""

    lane: Lane
    hall: Hall
    views: GatheringViews
    members: MemberViews
    clock: Clock
    counted: Callable[[str], None]


def router(desk: CheckinDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/events/{event_id}/checkin-code", summary="The code to show now")
    async def get_code(event_id: str, caller: Caller, response: Response) -> CodeOut:
        gathering = await _found(desk, event_id, caller.scope)
        if gathering.state == "cancelled":
            raise Conflict("the gathering is cancelled", code="event-cancelled")
        response.headers["Cache-Control"] = "no-store"
        return _code(gathering, desk.clock())

    @routes.post("/checkins", status_code=201, response_model=CheckinOut, summary="Check in with the code")
    async def post_checkin(wish: CheckinIn, request: Request, caller: Caller) -> Response:
        context = context_of(request, caller.actor)
        try:
            shown = checkin.read(wish.token)
            command = CheckIn(desk.hall, shown, caller.scope, desk.clock(), wish.scanned_at, context)
            there, _, already = await desk.lane.submit(command)
        except Refused as refused:
            desk.counted(refused.problem_code)
            raise
        desk.counted("again" if already else there.how)
        headers = {"Idempotency-Replayed": "true"} if already else {}
        return JSONResponse(checkin_out(there).model_dump(mode="json"), 201, headers)

    @routes.get("/events/{event_id}/roster", summary="Who is expected and who was there")
    async def get_roster(event_id: str, caller: Caller) -> RosterOut:
        gathering = await _found(desk, event_id, caller.scope)
        members = await desk.members.of_squads(caller.scope, list(gathering.agenda.squads))
        return roster_out(gathering, members, await desk.views.checkins(caller.scope, event_id))

    @routes.post("/events/{event_id}/attendance", summary="Tick who was there")
    async def post_attendance(event_id: str, wish: AttendanceIn, request: Request, caller: Caller) -> list[TickedOut]:
        context = context_of(request, caller.actor)
        ticked = await desk.lane.submit(Tick(desk.hall, event_id, tuple(wish.riders), caller.scope, context))
        for there, already in ticked:
            desk.counted("again" if already else there.how)
        return [TickedOut(checkin=checkin_out(there), already=already) for there, already in ticked]

    return routes


async def _found(desk: CheckinDesk, event_id: str, scope: Scope) -> Gathering:
    """One that the desk decides about. Raises `NotFound`, or `Forbidden` for one that it only sees."""
    found = await desk.views.gathering(scope, event_id)
    if found is None:
        raise NotFound(NONE)
    may_hold(scope, found[0].subdistrict, found[0].agenda.community)
    return found[0]


def _code(gathering: Gathering, now: datetime) -> CodeOut:
    step = checkin.step_of(now)
    text = checkin.token(gathering, step)
    picture = segno.make(text, error="m").svg_inline(scale=6, border=4)
    next_at = datetime.fromtimestamp(0, UTC) + checkin.STEP * (step + 1)
    return CodeOut(token=text, next_at=next_at, good_until=checkin.good_until(step), svg=picture)
