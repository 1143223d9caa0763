"""Something outstanding over HTTP: the desk proposes, a second person of the desk decides."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.points.answering import Key, Rendered
from services.points.domain.outstanding import Proposal, State
from services.points.outstanding import DecideOutstanding, Propose
from services.points.ports import Books, EntryViews, Rules
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, submit_once


class ProposalIn(BaseModel):
    """Who did something outstanding; he must have reported the incident."""

    model_config = ConfigDict(extra="forbid")

    rider: str = Field(min_length=1, max_length=200)


class DecisionIn(BaseModel):
    """Whether it is paid."""

    model_config = ConfigDict(extra="forbid")

    award: bool


class ProposalOut(BaseModel):
    """A proposal; `by` proposed it, `decided_by` decided it."""

    incident: str
    rider: str
    by: str
    at: datetime
    state: str
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class OutstandingDesk:
    """What these routes work with."""

    lane: Lane
    books: Books
    views: EntryViews
    rules: Rules
    new_id: NewId


def router(desk: OutstandingDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/proposals", summary="What waits for a second person")
    async def get_outstanding(caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> list[ProposalOut]:
        found = await desk.views.proposals(caller.scope, limit)
        waiting = [(one.id, proposal) for one in found for proposal in one.outstanding]
        return [_out(id_, proposal) for id_, proposal in waiting if proposal.state is State.PROPOSED]

    @routes.post(
        "/incidents/{incident_id}/outstanding",
        status_code=201,
        response_model=ProposalOut,
        summary="Propose somebody for more points",
    )
    async def post_outstanding(incident_id: str, wish: ProposalIn, caller: Caller, key: Key) -> Response:
        command = Propose(desk.books, incident_id, wish.rider, caller.scope)
        told = Rendered(command, partial(_out, incident_id))
        return await submit_once(desk.lane, caller, key, fingerprint(wish, "propose", incident_id), told, 201)

    @routes.post(
        "/incidents/{incident_id}/outstanding/{rider}",
        response_model=ProposalOut,
        summary="Decide what another person has proposed",
    )
    async def post_decision(
        incident_id: str, rider: str, wish: DecisionIn, request: Request, caller: Caller, key: Key
    ) -> Response:
        context = context_of(request, caller.actor)
        command = DecideOutstanding(
            desk.books, desk.rules, incident_id, rider, wish.award, caller.scope, context, desk.new_id
        )
        told = Rendered(command, partial(_out, incident_id))
        return await submit_once(desk.lane, caller, key, fingerprint(wish, incident_id, rider), told)

    return routes


def _out(incident: str, proposal: Proposal) -> ProposalOut:
    return ProposalOut(
        incident=incident,
        rider=proposal.rider,
        by=proposal.by,
        at=proposal.at,
        state=proposal.state.value,
        decided_by=proposal.decided_by,
    )
