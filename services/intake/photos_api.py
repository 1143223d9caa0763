"""Photos over HTTP: uploading one, seeing one, and links to it that need no token."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from services.intake.photo_links import PhotoLinks, Size
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Photo
from services.intake.reading import PHOTO_BODY, read_photo, store_photo
from services.intake.receipts import ReceiptSigner
from services.intake.receiving import photo_url
from services.intake.taking import Taking, photo_arrived
from shared.errors import NotFound
from shared.web.auth import Caller
from shared.web.correlation import context_of

_JPEG = "image/jpeg"
_ALONE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


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


class LinksIn(BaseModel):
    """The photos to see."""

    model_config = ConfigDict(extra="forbid")

    photo_ids: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(min_length=1, max_length=50)


class LinkOut(BaseModel):
    """Links to one photo, good without a token until `expires_at`."""

    photo_id: str
    url: str
    thumb_url: str
    expires_at: datetime


class LinksOut(BaseModel):
    """One entry for each photo that the caller may see, in the order asked for."""

    links: list[LinkOut]


def router(desk: Taking, pool: PhotoPool, signer: ReceiptSigner, links: PhotoLinks) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")
    _uploading(routes, desk, pool, signer)
    _seeing(routes, desk, links)
    return routes


def _uploading(routes: APIRouter, desk: Taking, pool: PhotoPool, signer: ReceiptSigner) -> None:
    async def take(request: Request, caller: Caller) -> tuple[Photo, bool]:
        return await store_photo(await read_photo(request), caller.scope, desk, pool)

    @routes.post(
        "/photos", status_code=201, response_model=PhotoOut, summary="Upload one photo", openapi_extra=PHOTO_BODY
    )
    async def post_photo(request: Request, caller: Caller) -> Response:
        stored, new = await take(request, caller)
        await photo_arrived(desk, caller.scope, stored.id, context_of(request, caller.actor))
        return _json(_photo_out(stored), replayed=not new)

    @routes.post(
        "/evidence",
        status_code=201,
        response_model=EvidenceOut,
        summary="Upload an after-photo",
        openapi_extra=PHOTO_BODY,
    )
    async def post_evidence(request: Request, caller: Caller) -> Response:
        stored, new = await take(request, caller)
        out = EvidenceOut(**_photo_out(stored).model_dump(), receipt=signer.sign(stored))
        return _json(out, replayed=not new)


def _seeing(routes: APIRouter, desk: Taking, links: PhotoLinks) -> None:
    @routes.get("/photos/{photo_id}", response_class=Response, summary="One photo, for whoever may see it")
    async def get_photo(photo_id: str, caller: Caller, size: Size = "full") -> Response:
        content = await desk.photos.read(caller.scope, photo_id, thumb=size == "thumb")
        if content is None:
            raise NotFound("there is no such photo for you")
        return Response(content, media_type=_JPEG, headers={"Cache-Control": "private, max-age=600", **_ALONE})

    @routes.post("/photos/links", summary="Links to photos that need no token, for ten minutes")
    async def post_links(wish: LinksIn, caller: Caller) -> LinksOut:
        seen = await desk.photos.seen(caller.scope, wish.photo_ids)
        if not seen:
            raise NotFound("there is no such photo for you")
        minted = [links.mint(id_, desk.clock()) for id_ in dict.fromkeys(wish.photo_ids) if id_ in seen]
        return LinksOut(links=[_link_out(asdict(link)) for link in minted])

    @routes.get("/photos/{photo_id}/signed", response_class=Response, summary="One photo, for whoever has its link")
    async def get_signed(
        photo_id: str,
        expires: Annotated[int, Query(ge=0, le=10**11)],
        signature: Annotated[str, Query(max_length=100)],
        size: Size = "full",
    ) -> Response:
        left = links.check(photo_id, size, expires, signature, desk.clock())
        content = await desk.photos.shown(photo_id, thumb=size == "thumb")
        if content is None:
            raise NotFound("this photo is no longer kept")
        return Response(content, media_type=_JPEG, headers={"Cache-Control": f"private, max-age={left}", **_ALONE})


def _link_out(link: dict[str, object]) -> LinkOut:
    return LinkOut.model_validate({"photo_id": link.pop("photo"), **link})


def _json(out: BaseModel, *, replayed: bool) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return JSONResponse(out.model_dump(mode="json"), 201, headers)


def _photo_out(photo: Photo) -> PhotoOut:
    return PhotoOut(
        photo_id=photo.id,
        url=photo_url(photo.id),
        width=photo.width,
        height=photo.height,
        sha256=photo.sha256,
        taken_at=photo.taken_at,
    )
