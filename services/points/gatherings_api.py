"""Meetings and trainings over HTTP: desks hold them, riders see what is coming."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from services.points.activity_ports import GatheringViews
from services.points.domain.gathering import Gathering, gathering_id
from services.points.forms import CloseIn
from services.points.gathering_forms import AgendaIn, GatheringChangeIn, GatheringIn
from services.points.gathering_out import GatheringOut, coming_out, gathering_out
from services.points.gatherings import NONE, DecideGathering, HoldGathering, to_agenda, to_cancelled
from services.points.ports import GridBook, Versioned
from shared.clock import Clock
from shared.errors import Invalid, NotFound
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal, Role
from shared.web.idempotency import fingerprint

LATELY = timedelta(days=7)
"""How long a rider goes on seeing what is over."""


@dataclass(frozen=True, slots=True)
class GatheringDesk:
    """What the routes of gatherings work with; `secret` makes a random one in hex."""

    lane: Lane
    gatherings: Versioned[Gathering]
    views: GatheringViews
    grids: GridBook
    clock: Clock
    secret: Callable[[], str]


def router(desk: GatheringDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/events", status_code=201, summary="Announce a meeting or training")
    async def post_event(wish: GatheringIn, caller: Caller) -> GatheringOut:
        _check(desk, wish, caller)
        id_ = gathering_id(caller.id, wish.client_key)
        command = HoldGathering(desk.gatherings, id_, fingerprint(wish), wish.agenda(), desk.secret(), caller.scope)
        return gathering_out(*await desk.lane.submit(command))

    @routes.put("/events/{event_id}", summary="Change a meeting or training")
    async def put_event(event_id: str, wish: GatheringChangeIn, caller: Caller) -> GatheringOut:
        _check(desk, wish, caller)
        changes = to_agenda(wish.agenda())
        command = DecideGathering(desk.gatherings, event_id, wish.expected_version, changes, caller.scope)
        return gathering_out(*await desk.lane.submit(command))

    @routes.post("/events/{event_id}/cancel", summary="Call a meeting or training off")
    async def cancel_event(event_id: str, wish: CloseIn, caller: Caller) -> GatheringOut:
        command = DecideGathering(desk.gatherings, event_id, wish.expected_version, to_cancelled, caller.scope)
        return gathering_out(*await desk.lane.submit(command))

    @routes.get("/events", summary="What is coming for me, or the meetings and trainings of my communities")
    async def get_events(caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[GatheringOut]:
        if caller.role is not Role.RIDER:
            return [gathering_out(*found) for found in await desk.views.of_desk(caller.scope, limit)]
        since = desk.clock() - LATELY
        return [coming_out(*found) for found in await desk.views.coming(caller.scope, caller.squad, since, limit)]

    @routes.get("/events/{event_id}", summary="One meeting or training")
    async def get_event(event_id: str, caller: Caller) -> GatheringOut:
        found = await desk.views.gathering(caller.scope, event_id)
        if found is None:
            raise NotFound(NONE)
        return gathering_out(*found)

    return routes


def _check(desk: GatheringDesk, wish: AgendaIn, caller: Principal) -> None:
    if wish.community is not None and not desk.grids.has_grid(caller.subdistrict, wish.community):
        raise Invalid.field("community", "there is no such community in your sub-district")
