"""Why these departments: over HTTP the same explanation as `qianshao reference explain`."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.dispatch.asking import asked_of
from services.dispatch.domain.incident import Asked, Incident
from services.dispatch.ports import Explaining, Step, Views
from shared.errors import NotFound
from shared.web.auth import Caller


class AskedOut(BaseModel):
    """What the rules were asked; `at` decides the hours and the day, on the clock of the place."""

    category: dict[str, str]
    condition: str | None
    priority: str | None
    micro_grid: str
    at: datetime
    answers: dict[str, str]


class StepOut(BaseModel):
    """One rule, in the order in which they are asked."""

    rule: str
    verdict: str = Field(description="decides, no_match, cannot_tell or not_asked")
    text: str = Field(description="the departments of the one that decides, why another does not")
    why: str = Field(description="what the rule is for")


class RouteOut(BaseModel):
    """`rule` is null while nobody was sent, and begins with `staff:` where people chose; `steps` then say what the rules say."""

    incident: str
    rule: str | None
    departments: tuple[str, ...]
    reference_version: str | None = Field(description="the reference data that decided")
    explained_by: str = Field(description="the reference data that explains: the one that runs now")
    asked: AskedOut | None = Field(description="null while the place is too uncertain to ask")
    steps: list[StepOut]


def router(views: Views, rules: Explaining) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/incidents/{incident_id}/route", summary="Which rule decided, and why each earlier one did not")
    async def get_route(incident_id: str, caller: Caller) -> RouteOut:
        found = await views.incident(caller.scope, incident_id)
        if found is None:
            raise NotFound("there is no such incident for you")
        incident, _ = found
        asked = _asked(incident)
        return _route_out(incident, asked, rules.version, rules.explain(asked) if asked else [])

    return routes


def _asked(incident: Incident) -> Asked | None:
    """As the route keeps it; where people chose, and from before routes kept it, as it stands now in this cycle's first moment."""
    kept = incident.route.asked if incident.route else None
    return kept or asked_of(incident, incident.t0)


def _route_out(incident: Incident, asked: Asked | None, version: str, steps: list[Step]) -> RouteOut:
    route = incident.route
    return RouteOut(
        incident=incident.id,
        rule=route.rule if route else None,
        departments=route.departments if route else (),
        reference_version=route.reference_version if route else None,
        explained_by=version,
        asked=None if asked is None else _asked_out(asked),
        steps=[StepOut(rule=one.rule, verdict=one.verdict, text=one.text, why=one.why) for one in steps],
    )


def _asked_out(asked: Asked) -> AskedOut:
    return AskedOut(
        category=asked.category,
        condition=asked.condition,
        priority=asked.priority,
        micro_grid=asked.place,
        at=asked.at,
        answers=asked.answers,
    )
