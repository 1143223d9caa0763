"""Dispatch's HTTP: one incident with its whole trail, and the commands of the desk."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.dispatch.domain.incident import Appeal, Incident
from services.dispatch.forms import AssignIn
from services.dispatch.handlers import AssignDepartments
from services.dispatch.ports import Incidents, Rules, Views
from shared.errors import NotFound
from shared.mongo.lane import Lane
from shared.mongo.work import Command, Ref, Work
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Key = Annotated[str, Depends(idempotency_key)]


class OrderOut(BaseModel):
    """One department's work order."""

    order: str
    department: str
    state: str
    accept_by: datetime
    due_at: datetime
    calendar_unconfirmed: bool
    accepted_at: datetime | None
    done_at: datetime | None
    evidence: tuple[str, ...]
    extension_asked_until: datetime | None
    excused: str | None
    deadline_appeal: Appeal | None


class LineOut(BaseModel):
    """One line of the history."""

    at: datetime
    actor: str
    what: str
    reason: str | None


class NoteOut(BaseModel):
    """What a reporter said later."""

    at: datetime
    rider: str
    kind: str
    text: str
    photo_ids: tuple[str, ...]


class ForeignOut(BaseModel):
    """The case in another house."""

    to: str
    number: str
    deadline: datetime


class IncidentOut(BaseModel):
    """An incident as the desk sees it. Send `version` back with every command."""

    incident: str
    version: int
    code: str
    state: str
    cycle: int
    priority: str
    category: dict[str, str]
    condition: str | None
    place: dict[str, object]
    text: str
    photo_ids: tuple[str, ...]
    after_photo_ids: tuple[str, ...]
    answers: dict[str, str]
    route_rule: str | None
    reference_version: str | None
    orders: list[OrderOut]
    history: list[LineOut]
    flags: tuple[str, ...]
    reporters: list[str]
    notes: list[NoteOut]
    main: str | None
    decide_by: datetime | None
    parked_until: datetime | None
    foreign: ForeignOut | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A desk command whose answer is the incident afterwards."""

    inner: Command[tuple[Incident, int]]

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def decide(self, work: Work) -> IncidentOut:
        return incident_out(*self.inner.decide(work))


def router(lane: Lane, incidents: Incidents, views: Views, rules: Rules) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/incidents/{incident_id}", summary="One incident with its whole trail")
    async def get_incident(incident_id: str, caller: Caller) -> IncidentOut:
        found = await views.incident(caller.scope, incident_id)
        if found is None:
            raise NotFound("there is no such incident for you")
        return incident_out(*found)

    @routes.post("/incidents/{incident_id}/assign", response_model=IncidentOut, summary="Send it to departments")
    async def assign(incident_id: str, wish: AssignIn, request: Request, caller: Caller, key: Key) -> Response:
        command = AssignDepartments(
            incidents,
            rules,
            incident_id,
            caller.scope,
            wish.expected_version,
            tuple(wish.departments),
            wish.reason,
            context_of(request, caller.actor),
        )
        return await submit_once(lane, caller, key, fingerprint(wish, incident_id), Rendered(command))

    return routes


def incident_out(incident: Incident, version: int) -> IncidentOut:
    """The incident as the desk sees it."""
    return IncidentOut(
        incident=incident.id,
        version=version,
        code=incident.code,
        state=incident.state,
        cycle=incident.cycle,
        priority=incident.priority,
        category=incident.category,
        condition=incident.condition,
        place=incident.place,
        text=incident.text,
        photo_ids=incident.photo_ids,
        after_photo_ids=incident.after_photo_ids,
        answers=incident.answers,
        route_rule=incident.route.rule if incident.route else None,
        reference_version=incident.route.reference_version if incident.route else None,
        orders=[
            OrderOut(
                order=order.id,
                department=order.department,
                state=order.state,
                accept_by=order.accept_by,
                due_at=order.due_at,
                calendar_unconfirmed=order.calendar_unconfirmed,
                accepted_at=order.accepted_at,
                done_at=order.done_at,
                evidence=order.evidence,
                extension_asked_until=order.extension_asked_until,
                excused=order.excused,
                deadline_appeal=order.appeal,
            )
            for order in incident.orders
        ],
        history=[LineOut(at=x.at, actor=x.actor, what=x.what, reason=x.reason) for x in incident.history],
        flags=incident.flags,
        reporters=[reporter.rider for reporter in incident.reporters],
        notes=[
            NoteOut(at=x.at, rider=x.rider, kind=x.kind, text=x.text, photo_ids=x.photo_ids) for x in incident.notes
        ],
        main=incident.main,
        decide_by=incident.decide_by,
        parked_until=incident.pause.ends if incident.pause else None,
        foreign=ForeignOut(**asdict(incident.foreign)) if incident.foreign else None,
    )
