"""Intake's HTTP: photos, reports, evidence. Reads the request, calls a handler, renders the answer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.intake import receiving
from services.intake.checking import check_rider
from services.intake.domain.status import Status
from services.intake.forms import ReportIn
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Photo
from services.intake.receipts import ReceiptSigner
from services.intake.report_out import ReportOut, report_out
from services.intake.taking import Sender, Taking, photo_arrived, take_report
from shared.errors import NotFound
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


def router(desk: Taking, pool: PhotoPool, signer: ReceiptSigner) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")
    photos = desk.photos

    async def take_photo(photo: UploadFile, scope: Scope) -> tuple[Photo, bool]:
        return await receiving.take_photo(await photo.read(), scope, pool, photos, desk.clock)

    @routes.post("/photos", status_code=201, response_model=PhotoOut, summary="Upload one photo")
    async def post_photo(photo: UploadFile, request: Request, caller: Caller) -> Response:
        stored, new = await take_photo(photo, caller.scope)
        await photo_arrived(desk, caller.scope, stored.id, context_of(request, caller.actor))
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
        check_rider(wish, caller.id)
        sender = Sender(caller.scope, caller.id, context_of(request, caller.actor))
        opened = await take_report(desk, wish, sender)
        return _json(report_out(opened.report, Status(opened.report.incident)), 201, replayed=opened.replayed)

    @routes.get("/reports/{report_id}", response_model=ReportOut, summary="One of my reports")
    async def get_report(report_id: str, caller: Caller) -> ReportOut:
        found = await desk.views.report(caller.scope, report_id)
        if found is None:
            raise NotFound("you have no such report")
        return report_out(*found)

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
