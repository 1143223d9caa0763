"""The complaint box over HTTP: everybody who is logged in puts in, the desks read."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from services.dispatch.complaining import Complain
from services.dispatch.domain.complaint import Complaint
from services.dispatch.forms import ComplaintIn
from services.dispatch.ports import Box, Complaints, Incidents
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from shared.web.auth import Caller
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Key = Annotated[str, Depends(idempotency_key)]


class ComplaintOut(BaseModel):
    """A complaint as the desk reads it. `text` is empty once its author was forgotten."""

    complaint: str
    at: datetime
    actor: str
    text: str
    incident: str | None
    community: str | None


@dataclass(frozen=True, slots=True)
class _Rendered:
    inner: Complain

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def decide(self, work: Work) -> ComplaintOut:
        return complaint_out(self.inner.decide(work))


def router(lane: Lane, complaints: Complaints, incidents: Incidents, box: Box, new_id: NewId) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/complaints", status_code=201, response_model=ComplaintOut, summary="Put in a complaint")
    async def complain(wish: ComplaintIn, caller: Caller, key: Key) -> Response:
        command = Complain(complaints, incidents, new_id(), caller.scope, wish.text, wish.incident)
        return await submit_once(lane, caller, key, fingerprint(wish), _Rendered(command), 201)

    @routes.get("/complaints", summary="The complaint box, the newest first")
    async def get_complaints(
        caller: Caller,
        response: Response,
        before: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[ComplaintOut]:
        response.headers["Cache-Control"] = "no-store"
        return [complaint_out(one) for one in await box.complaints(caller.scope, before, limit)]

    return routes


def complaint_out(complaint: Complaint) -> ComplaintOut:
    """The complaint as the desk reads it."""
    shown = {name: value for name, value in asdict(complaint).items() if name in ComplaintOut.model_fields}
    return ComplaintOut(complaint=complaint.id, **shown)
