"""Redemptions over HTTP: riders reserve and show a code, desks hand out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import segno
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from services.points.booking import Ledger
from services.points.domain import pickup
from services.points.domain.redemption import Redemption, State
from services.points.handing_out import Cancel, End, PickUp, WrongCode
from services.points.homes_out import WordsOut, words_out
from services.points.prize_forms import CancelIn, PickUpIn, RedemptionIn
from services.points.prize_ports import PrizeViews, Shelf, Store
from services.points.redeeming import Reserve, redemption_id
from shared.clock import Clock
from shared.context import Context
from shared.contracts.scalars import Instant
from shared.errors import Conflict, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint

HIDDEN = "there is no such redemption for you"


class LineOut(BaseModel):
    """What happened to it."""

    state: State
    at: datetime
    actor: str
    reason: str


class RedemptionOut(BaseModel):
    """A redemption with all that happened to it. `expires_at`: until then points and piece are held."""

    redemption: str
    rider: str
    home: str
    home_name: WordsOut
    prize: str
    prize_name: WordsOut
    points: int
    state: State
    reserved_at: datetime
    expires_at: datetime
    lines: list[LineOut]


class ProofOut(BaseModel):
    """What shows at the desk that it is his. `token` is in the QR code `svg` and is good until `expires_at`; `code` is for
    where nothing can be scanned, and good at this home alone, once."""

    token: str
    svg: str
    expires_at: datetime
    code: str
    home: str


@dataclass(frozen=True, slots=True)
class RedemptionDesk:
    """What the routes of redemptions work with. `new_secret` makes what cannot be guessed."""

    lane: Lane
    store: Store
    ledger: Ledger
    shelf: Shelf
    views: PrizeViews
    clock: Clock
    new_secret: Callable[[], str]

    def ending(self, id_: str, context: Context) -> End:
        return End(self.store, self.ledger, id_, context)


def router(desk: RedemptionDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/redemptions", status_code=201, summary="Have a prize held for me, for 72 hours")
    async def post_redemption(wish: RedemptionIn, request: Request, caller: Caller) -> RedemptionOut:
        return _out(desk, await desk.lane.submit(_reserve(desk, wish, caller, context_of(request, caller.actor))))

    @routes.post("/redemptions/pickup", summary="Hand a prize out, shown the rider's QR code or his 8 digits")
    async def pick_up(wish: PickUpIn, request: Request, caller: Caller) -> RedemptionOut:
        context = context_of(request, caller.actor)
        return _out(desk, await desk.lane.submit(await _pick_up(desk, wish, caller, context)))

    @routes.get("/redemptions", summary="My redemptions, or those at homes of mine, the latest first")
    async def get_redemptions(
        caller: Caller,
        state: State | None = None,
        home: Annotated[str | None, Query(max_length=41)] = None,
        before: Annotated[Instant | None, Query(description="the reserved_at of the last one you have")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[RedemptionOut]:
        found = await desk.views.redemptions(caller.scope, state, home, before, limit)
        return [_out(desk, redemption) for redemption in found]

    @routes.get("/redemptions/{redemption_id}", summary="One redemption")
    async def get_redemption(redemption_id: str, caller: Caller) -> RedemptionOut:
        return _out(desk, await _seen(desk, redemption_id, caller))

    @routes.get("/redemptions/{redemption_id}/token", summary="A fresh QR code and the 8 digits, for the desk")
    async def get_token(redemption_id: str, caller: Caller) -> ProofOut:
        found = await _seen(desk, redemption_id, caller)
        if found.secret is None or found.code is None:
            raise Conflict(f"the redemption is {found.state} already", code="redemption-over")
        now = desk.clock()
        token = pickup.token(found.id, found.secret, now)
        svg = segno.make(token, error="m").svg_inline(scale=6, border=4)
        return ProofOut(token=token, svg=svg, expires_at=now + pickup.VALID, code=found.code, home=found.home)

    @routes.post("/redemptions/{redemption_id}/cancel", summary="Give points and piece back")
    async def cancel(redemption_id: str, wish: CancelIn, request: Request, caller: Caller) -> RedemptionOut:
        if caller.scope.desk and not wish.reason.strip():
            raise Invalid.field("reason", "say why; the rider reads it")
        ending = desk.ending(redemption_id, context_of(request, caller.actor))
        return _out(desk, await desk.lane.submit(Cancel(ending, wish.reason, caller.scope)))

    return routes


def _reserve(desk: RedemptionDesk, wish: RedemptionIn, caller: Principal, context: Context) -> Reserve:
    home = desk.shelf.home(caller.subdistrict, wish.home)
    return Reserve(
        store=desk.store,
        ledger=desk.ledger,
        shelf=desk.shelf,
        home=home,
        prize=desk.shelf.prize(home.code, wish.prize),
        id=redemption_id(caller.id, wish.client_key),
        fingerprint=fingerprint(wish),
        secret=desk.new_secret(),
        asked_at=desk.clock(),
        scope=caller.scope,
        context=context,
    )


async def _pick_up(desk: RedemptionDesk, wish: PickUpIn, caller: Principal, context: Context) -> PickUp:
    home = None if wish.home is None else desk.shelf.home(caller.subdistrict, wish.home).code
    if wish.token is not None:
        shown = pickup.read_token(wish.token)
        return PickUp(desk.ending(shown.redemption, context), shown, home, caller.scope)
    assert wish.code is not None  # the form wants one of them, and a code with its home
    assert home is not None
    found = await desk.views.of_code(caller.scope, home, wish.code)
    if found is None:
        await desk.lane.submit(WrongCode(desk.store, home))
        raise NotFound("code: there is no such code at this home")
    return PickUp(desk.ending(found, context), wish.code, home, caller.scope)


async def _seen(desk: RedemptionDesk, id_: str, caller: Principal) -> Redemption:
    found = await desk.views.redemption(caller.scope, id_)
    if found is None:
        raise NotFound(HIDDEN)
    return found


def _out(desk: RedemptionDesk, found: Redemption) -> RedemptionOut:
    return RedemptionOut(
        redemption=found.id,
        rider=found.rider,
        home=found.home,
        home_name=words_out(desk.shelf.home_name(found.home)),
        prize=found.prize,
        prize_name=words_out(desk.shelf.prize_name(found.prize)),
        points=found.points,
        state=found.state,
        reserved_at=found.reserved_at,
        expires_at=found.expires_at,
        lines=[LineOut(state=n.state, at=n.at, actor=n.actor, reason=n.reason) for n in found.lines],
    )
