"""The register of benefits over HTTP: what homes give without points, to whom, when, by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from services.points.domain.benefit import Benefit, For, Sort
from services.points.giving import Gift, Give, Revoke
from services.points.homes_api import desk_home
from services.points.ports import Kept
from services.points.printing import csv_bytes
from services.points.prize_forms import BenefitIn, RevokeIn
from services.points.prize_ports import BenefitViews, Members, Shelf
from shared.contracts.scalars import Instant
from shared.mongo.lane import Lane
from shared.web.auth import Caller
from shared.web.idempotency import fingerprint

MOST = 10_000
"""Lines of one CSV file; more are cut into several by dates."""

Moment = Annotated[Instant | None, Query()]


class BenefitOut(BaseModel):
    """One line of the register. `revoked_at`: it was entered by mistake, for `reason`."""

    benefit: str
    home: str
    rider: str
    sort: Sort
    name_zh: str
    name_en: str
    given_at: datetime
    by: str
    at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class BenefitDesk:
    """What the routes of benefits work with."""

    lane: Lane
    benefits: Kept[Benefit]
    members: Members
    shelf: Shelf
    views: BenefitViews


def router(desk: BenefitDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/benefits", status_code=201, summary="Enter what was given to riders without points")
    async def post_benefits(wish: BenefitIn, caller: Caller) -> list[BenefitOut]:
        home = desk_home(desk.shelf, wish.home, caller)
        whom = For(tuple(wish.whom.status), tuple(wish.whom.squads), tuple(wish.whom.communities))
        gift = Gift(home, wish.sort, wish.name_zh, wish.name_en, wish.given_at, whom)
        riders = tuple(dict.fromkeys(wish.riders))
        command = Give(desk.benefits, desk.members, gift, riders, wish.client_key, fingerprint(wish), caller.scope)
        return [_out(benefit) for benefit in await desk.lane.submit(command)]

    @routes.post("/benefits/{benefit_id}/revoke", summary="A line of the register is wrong")
    async def revoke(benefit_id: str, wish: RevokeIn, caller: Caller) -> BenefitOut:
        return _out(await desk.lane.submit(Revoke(desk.benefits, benefit_id, wish.reason, caller.scope)))

    @routes.get("/benefits", summary="What I was given, or what homes of mine gave, the latest first")
    async def get_benefits(
        caller: Caller, since: Moment = None, until: Moment = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> list[BenefitOut]:
        return [_out(benefit) for benefit in await desk.views.benefits(caller.scope, since, until, limit)]

    @routes.get("/benefits.csv", summary="The register as a table", response_class=Response)
    async def get_csv(caller: Caller, since: Moment = None, until: Moment = None) -> Response:
        found = await desk.views.benefits(caller.scope, since, until, MOST)
        return Response(as_csv(found), media_type="text/csv; charset=utf-8", headers=_named("benefits.csv"))

    return routes


def as_csv(benefits: Iterable[Benefit]) -> bytes:
    """One line a benefit."""
    heads = [
        "编号 id",
        "之家 home",
        "骑手 rider",
        "类别 sort",
        "名称",
        "name",
        "发放时间 given",
        "经手 by",
        "作废 revoked",
    ]
    return csv_bytes([heads, *(_row(one) for one in benefits)])


def _row(one: Benefit) -> list[str]:
    given, revoked = one.given_at.isoformat(), one.revoked_at.isoformat() if one.revoked_at else ""
    return [one.id, one.home, one.rider, one.sort, one.name_zh, one.name_en, given, one.by, revoked]


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _out(benefit: Benefit) -> BenefitOut:
    return BenefitOut(benefit=benefit.id, **{n: getattr(benefit, n) for n in BenefitOut.model_fields if n != "benefit"})
