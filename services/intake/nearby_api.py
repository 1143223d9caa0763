"""What is known near a place, asked before a report is sent: so that one thing is reported once, by two riders if need be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.intake.domain.spot import Near, are_apart, reach
from services.intake.photo_links import PhotoLinks
from services.intake.ports import Around, Rules, Surroundings
from shared.clock import Clock
from shared.errors import Invalid
from shared.geo import crs
from shared.web.auth import Caller


class NearOut(BaseModel):
    """A known incident: enough to recognise it, nothing of who reported it. `broken_again`: it was fixed within 72 h."""

    incident_id: str
    code: str
    state: str
    since: datetime
    metres: int
    broken_again: bool
    thumb: str | None = Field(description="a link to a small picture, good for ten minutes without a token")


class NearbyOut(BaseModel):
    """The nearest first, at most five. `radius_m` is how far was looked."""

    radius_m: float
    incidents: list[NearOut]


@dataclass(frozen=True, slots=True)
class Lookout:
    """What the route works with."""

    surroundings: Surroundings
    rules: Rules
    clock: Clock
    links: PhotoLinks


def router(lookout: Lookout) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1/incidents")

    @routes.get("/nearby", summary="Known incidents near a place, before reporting")
    async def get_nearby(
        caller: Caller,
        lng: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)],
        lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)],
        crs_: Annotated[str, Query(alias="crs", pattern="^(wgs84|gcj02|bd09)$")],
        scheme: Annotated[str, Query(max_length=40)],
        code: Annotated[str, Query(max_length=20)],
        accuracy_m: Annotated[float, Query(ge=0, le=100_000, allow_inf_nan=False)],
        incident: Annotated[
            str | None, Query(max_length=64, description="leave out this one and what is said not to be it")
        ] = None,
    ) -> NearbyOut:
        rule = lookout.rules.category(scheme, code)
        if rule is None:
            raise Invalid.field("code", f"there is no {scheme}:{code} in the reference data")
        metres = reach(rule.radius_m, accuracy_m)
        now = lookout.clock()
        around = Around(scheme, code, crs.to_wgs84(lng, lat, crs_), metres, now)
        found = await lookout.surroundings.near(caller.scope, around) if rule.public else []
        if incident is not None:
            found = await _others(lookout, caller, incident, found)
        return NearbyOut(radius_m=metres, incidents=[_near_out(one, _thumb(lookout, one, now)) for one in found])

    return routes


async def _others(lookout: Lookout, caller: Caller, incident: str, found: list[Near]) -> list[Near]:
    own = await lookout.surroundings.spot(caller.scope, incident)
    return [one for one in found if one.spot.id != incident and not (own and are_apart(one.spot, own))]


def _thumb(lookout: Lookout, near: Near, now: datetime) -> str | None:
    """Signed, because it is another rider's photo: shown small to whoever stands there, and to nobody by its plain address.

    Only categories that everybody may see come so far.
    """
    return lookout.links.mint(near.spot.photo, now).thumb_url if near.spot.photo else None


def _near_out(near: Near, thumb: str | None) -> NearOut:
    spot = near.spot
    return NearOut(
        incident_id=spot.id,
        code=spot.code,
        state=spot.state,
        since=spot.since,
        metres=round(near.metres),
        broken_again=near.broken_again,
        thumb=thumb,
    )
