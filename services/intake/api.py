"""Intake's HTTP: photos, reports, evidence. Reads the request, calls a handler, renders the answer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake import receiving
from services.intake.domain.report import Report
from services.intake.domain.status import Status, points_of
from services.intake.forms import ReportIn
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Incidents, Photo, PhotoStore, Reports, Rules, Views
from services.intake.receipts import ReceiptSigner
from shared.clock import Clock
from shared.errors import Forbidden, NotFound
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Caller
from shared.web.correlation import context_of


class PhotoOut(BaseModel):
    """A stored photo. `url` is stable; it is served to whoever may see the photo."""

    photo_id: str
    url: str
    width: int
    height: int
    sha256: str
    taken_at: datetime | None


class EvidenceOut(PhotoOut):
    """An after-photo with the signed receipt that `done` carries."""

    receipt: str


class StepOut(BaseModel):
    """One line of the timeline."""

    at: datetime
    what: str
    department: str | None
    reason: str | None


class PointsOut(BaseModel):
    """Where the rider's points for this report stand, and why."""

    state: str
    points: int
    reason: str
    rule: str | None


class ReportOut(BaseModel):
    """A report as its rider sees it: number, every step, after-photos, points and why."""

    report_id: str
    incident_id: str
    code: str
    state: str
    micro_grid: str | None
    flags: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    photo_ids: tuple[str, ...]
    timeline: list[StepOut]
    after_photos: list[str]
    fixed_at: datetime | None
    points: PointsOut | None


def router(
    lane: Lane,
    reports: Reports,
    incidents: Incidents,
    photos: PhotoStore,
    views: Views,
    rules: Rules,
    pool: PhotoPool,
    signer: ReceiptSigner,
    clock: Clock,
    new_id: NewId,
) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    async def take_photo(photo: UploadFile, scope: Scope) -> tuple[Photo, bool]:
        return await receiving.take_photo(await photo.read(), scope, pool, photos, clock)

    @routes.post("/photos", status_code=201, response_model=PhotoOut, summary="Upload one photo")
    async def post_photo(photo: UploadFile, caller: Caller) -> Response:
        stored, new = await take_photo(photo, caller.scope)
        return _json(_photo_out(stored), 201, replayed=not new)

    @routes.post("/evidence", status_code=201, response_model=EvidenceOut, summary="Upload an after-photo")
    async def post_evidence(photo: UploadFile, caller: Caller) -> Response:
        stored, new = await take_photo(photo, caller.scope)
        out = EvidenceOut(**_photo_out(stored).model_dump(), receipt=signer.sign(stored))
        return _json(out, 201, replayed=not new)

    @routes.get("/photos/{photo_id}", response_class=Response, summary="One photo, for whoever may see it")
    async def get_photo(
        photo_id: str, caller: Caller, size: Annotated[str, Query(pattern="^(full|thumb)$")] = "full"
    ) -> Response:
        content = await photos.read(caller.scope, photo_id, thumb=size == "thumb")
        if content is None:
            raise NotFound("there is no such photo for you")
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    @routes.post("/reports", status_code=201, response_model=ReportOut, summary="Report a hazard")
    async def post_report(wish: ReportIn, request: Request, caller: Caller) -> Response:
        if wish.rider_id not in (None, caller.id):
            raise Forbidden("rider_id: is not you; it comes from the token")
        opened = await receiving.take_report(
            lane,
            views,
            wish,
            caller,
            reports,
            incidents,
            photos,
            rules,
            new_id,
            clock(),
            context_of(request, caller.actor),
        )
        return _json(_report_out(opened.report, Status(opened.report.incident)), 201, replayed=opened.replayed)

    @routes.get("/reports/{report_id}", response_model=ReportOut, summary="One of my reports")
    async def get_report(report_id: str, caller: Caller) -> ReportOut:
        found = await views.report(caller.scope, report_id)
        if found is None:
            raise NotFound("you have no such report")
        return _report_out(*found)

    return routes


def _json(out: BaseModel, status: int, *, replayed: bool) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return JSONResponse(out.model_dump(mode="json"), status, headers)


def _photo_out(photo: Photo) -> PhotoOut:
    return PhotoOut(
        photo_id=photo.id,
        url=receiving.photo_url(photo.id),
        width=photo.width,
        height=photo.height,
        sha256=photo.sha256,
        taken_at=photo.taken_at,
    )


def _report_out(report: Report, status: Status) -> ReportOut:
    line = points_of(status, report.rider)
    return ReportOut(
        report_id=report.id,
        incident_id=report.incident,
        code=report.code,
        state=status.state,
        micro_grid=report.place.grid.micro_grid if report.place.grid else None,
        flags=report.flags,
        captured_at=report.captured_at,
        received_at=report.received_at,
        photo_ids=report.photo_ids,
        timeline=[
            StepOut(at=step.at, what=step.what, department=step.department, reason=step.reason) for step in status.steps
        ],
        after_photos=[receiving.photo_url(photo) for photo in status.after_photos],
        fixed_at=max((fixed.at for fixed in status.fixed), default=None),
        points=PointsOut(state=line.kind, points=line.points, reason=line.reason, rule=line.rule) if line else None,
    )
