"""The desk's commands over HTTP: one route for each decision, all with `expected_version` and `Idempotency-Key`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.dispatch import decisions
from services.dispatch.api import IncidentOut, Rendered, incident_out
from services.dispatch.decisions import Decision
from services.dispatch.desk import Decide, Desk, Merge, MoveReport, SelfFixed
from services.dispatch.forms import MergeIn, MoveIn, SelfFixedIn
from services.dispatch.ports import Incidents, Rules
from shared.ids import NewId, public_code
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Key = Annotated[str, Depends(idempotency_key)]

DECISIONS: tuple[tuple[str, type[Decision], str], ...] = (
    ("triage", decisions.Triage, "Set the final class"),
    ("category", decisions.CorrectCategory, "Correct what it is"),
    ("place", decisions.CorrectPlace, "Correct where it is"),
    ("question", decisions.Ask, "Ask the reporter; no clock runs meanwhile"),
    ("answer", decisions.Answer, "Answer for the reporter"),
    ("reject", decisions.Reject, "Nothing to act on"),
    ("appeal", decisions.DecideAppeal, "Decide on an appeal against a rejection"),
    ("no-action", decisions.NoAction, "Nothing will be done"),
    ("reopen", decisions.Reopen, "It is not fixed"),
    ("temporary-safe", decisions.MakeSafe, "Nobody is in danger now"),
    ("park", decisions.Park, "Put it aside until a date"),
    ("unpark", decisions.Unpark, "Go on before that date"),
    ("handover", decisions.HandOver, "Another house has the case too"),
    ("withdraw", decisions.Withdraw, "Take an order back"),
    ("verify", decisions.Verify, "It is really done"),
    ("extension", decisions.DecideExtension, "Grant or refuse more time"),
    ("excuse", decisions.Excuse, "A deadline leaves the figures; or refuse the appeal against it"),
)
"""Last part of the path, form, what it is for. Who may is said by `policy.py`."""


class ManyOut(BaseModel):
    """Several incidents after one command."""

    incidents: list[IncidentOut]


@dataclass(frozen=True, slots=True)
class _RenderedMany:
    inner: SelfFixed

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def decide(self, work: Work) -> ManyOut:
        return ManyOut(incidents=[incident_out(*one) for one in self.inner.decide(work)])


def router(lane: Lane, incidents: Incidents, rules: Rules, new_id: NewId) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    def desk(request: Request, caller: Principal) -> Desk:
        return Desk(incidents, rules, caller.scope, context_of(request, caller.actor))

    def add(path: str, form: type[Decision], summary: str) -> None:
        async def decide(incident_id: str, wish: Decision, request: Request, caller: Caller, key: Key) -> Response:
            command = Decide(desk(request, caller), incident_id, wish)
            return await submit_once(lane, caller, key, fingerprint(wish, path, incident_id), Rendered(command))

        decide.__annotations__["wish"] = form
        name = path.replace("-", "_")
        routes.post(f"/incidents/{{incident_id}}/{path}", response_model=IncidentOut, summary=summary, name=name)(
            decide
        )

    for path, form, summary in DECISIONS:
        add(path, form, summary)

    @routes.post("/incidents/{incident_id}/merge", response_model=IncidentOut, summary="It is a duplicate of another")
    async def merge(incident_id: str, wish: MergeIn, request: Request, caller: Caller, key: Key) -> Response:
        command = Merge(desk(request, caller), incident_id, wish.main, wish.expected_version, wish.reason)
        return await submit_once(lane, caller, key, fingerprint(wish, "merge", incident_id), Rendered(command))

    @routes.post(
        "/incidents/{incident_id}/move-report",
        response_model=IncidentOut,
        summary="A report belongs to another incident, or to a new one",
    )
    async def move_report(incident_id: str, wish: MoveIn, request: Request, caller: Caller, key: Key) -> Response:
        fresh = new_id()
        command = MoveReport(
            desk(request, caller),
            incident_id,
            wish.report,
            wish.to,
            fresh,
            public_code(fresh),
            wish.expected_version,
            wish.reason,
        )
        return await submit_once(lane, caller, key, fingerprint(wish, "move-report", incident_id), Rendered(command))

    @routes.post("/self-fixed", response_model=ManyOut, summary="Riders put these right themselves")
    async def self_fixed(wish: SelfFixedIn, request: Request, caller: Caller, key: Key) -> Response:
        versions = tuple((one.incident, one.expected_version) for one in wish.incidents)
        command = SelfFixed(desk(request, caller), versions, wish.reason)
        return await submit_once(lane, caller, key, fingerprint(wish, "self-fixed"), _RenderedMany(command))

    return routes
