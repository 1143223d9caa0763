"""For everybody, without a login: what became of an incident, by the code that its reporter can pass on."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.intake.domain.public import WORDS, PublicStatus, public_status
from services.intake.domain.report import Point
from services.intake.ports import Rules, Views
from services.intake.visitors import Visitors
from shared.errors import NotFound
from shared.ids import read_code


class PublicStepOut(BaseModel):
    """When it came to this state."""

    at: datetime
    state: str
    zh: str
    en: str


class PublicPointOut(BaseModel):
    """Degrees, rounded to 50 m."""

    lng: float
    lat: float


class PublicStatusOut(BaseModel):
    """An incident as everybody may see it."""

    code: str
    state: str
    zh: str = Field(description="the state in words")
    en: str
    category_zh: str
    category_en: str
    wgs84: PublicPointOut
    gcj02: PublicPointOut
    accuracy_m: float
    reported_at: datetime
    fixed_at: datetime | None
    timeline: list[PublicStepOut]


@dataclass(frozen=True, slots=True)
class Window:
    """What the public page works with."""

    views: Views
    rules: Rules
    visitors: Visitors


def router(window: Window) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1/public")

    @routes.get("/incidents/{code}", summary="What became of an incident, for everybody")
    async def get_public(code: str, request: Request) -> PublicStatusOut:
        await window.visitors.admit(request.client.host if request.client else "")
        found = await _found(window, code)
        if found is None:
            # one answer for all: nobody learns that there is something he may not see
            raise NotFound("there is nothing public under this code")
        return _out(found)

    return routes


async def _found(window: Window, text: str) -> PublicStatus | None:
    """None for no code, a code of nothing, and a code of what is not public, by the category that it now has."""
    code = read_code(text)
    found = None if code is None else await window.views.public(code)
    if found is None:
        return None
    report, place, status = found
    now = status.category or report.category
    category = window.rules.category(now["scheme"], now["code"])
    if category is None or not category.public:
        return None
    return public_status(report, place, status, (category.zh, category.en))


def _out(found: PublicStatus) -> PublicStatusOut:
    zh, en = _words(found.state)
    return PublicStatusOut(
        code=found.code,
        state=found.state,
        zh=zh,
        en=en,
        category_zh=found.category[0],
        category_en=found.category[1],
        wgs84=_point(found.wgs84),
        gcj02=_point(found.gcj02),
        accuracy_m=found.accuracy_m,
        reported_at=found.reported_at,
        fixed_at=found.fixed_at,
        timeline=[
            PublicStepOut(at=step.at, state=step.state, zh=WORDS[step.state][0], en=WORDS[step.state][1])
            for step in found.steps
        ],
    )


def _words(state: str) -> tuple[str, str]:
    """A state that a newer dispatch has is said as it is."""
    return WORDS.get(state, (state, state))


def _point(point: Point) -> PublicPointOut:
    return PublicPointOut(lng=point.lng, lat=point.lat)
