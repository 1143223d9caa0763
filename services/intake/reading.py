"""What comes in with pictures: one photo as a form or as the body itself, and a report with its photos in one call."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from services.intake import kinds
from services.intake.counting import counting_photo
from services.intake.forms import ReportIn
from services.intake.photo_pool import PhotoPool
from services.intake.ports import Photo
from services.intake.receiving import take_photo
from services.intake.refusals import at
from services.intake.taking import Taking, photo_arrived
from shared.errors import Forbidden, Invalid
from shared.scope import Scope
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of

MOST_PHOTOS = 5
_FORM = "multipart/form-data"
_PICTURE = {"type": "string", "format": "binary"}

PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JPEG, PNG, WebP or HEIC: as field `photo` of a form, or as the body itself, which costs less",
        "content": {
            _FORM: {"schema": {"type": "object", "required": ["photo"], "properties": {"photo": _PICTURE}}},
            "image/*": {"schema": _PICTURE},
        },
    }
}
"""For the description of a route that takes one photo."""

REPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "the report alone, its photos uploaded before; or a form with both",
        "content": {
            "application/json": {"schema": ReportIn.model_json_schema()},
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["report"],
                    "properties": {
                        "report": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "the report",
                        },
                        "photos": {"type": "array", "items": _PICTURE, "maxItems": MOST_PHOTOS},
                    },
                }
            },
        },
    }
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as its sender calls it; None where he says nothing."""

    raw: bytes
    media_type: str | None
    name: str | None


async def read_photo(request: Request) -> Sent:
    """The one photo of a request. Raises `Invalid` if there is none."""
    media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media == _FORM:
        async with request.form(max_files=1) as form:
            sent = await _file(form.get("photo"), "photo")
    elif media.startswith("image/") or media == "application/octet-stream":
        sent = Sent(await request.body(), media, None)
    else:
        raise Invalid.field("photo", f"send it as {_FORM}, or as the body itself with its Content-Type image/…")
    return sent


async def store_photo(sent: Sent, scope: Scope, desk: Taking, pool: PhotoPool) -> tuple[Photo, bool]:
    """As `take_photo`, counted; `Invalid` also if it is called another kind than it is."""
    with counting_photo(desk.counting) as counted:
        kinds.check_claim(sent.raw, sent.media_type, sent.name)
        stored, new = await take_photo(sent.raw, scope, pool, desk.photos, desk.clock)
        counted(new)
    return stored, new


def report_reader(desk: Taking, pool: PhotoPool) -> Callable[[Request, Caller], Awaitable[ReportIn]]:
    """A dependency that reads a report, however it was sent, and has stored by then the photos that came with it."""

    async def read_report(request: Request, caller: Caller) -> ReportIn:
        if not request.headers.get("Content-Type", "").lower().startswith(_FORM):
            return _report(await request.body())
        async with request.form(max_files=MOST_PHOTOS + 1) as form:
            _refuse_unknown(form)
            wish = _report(await _text(form.get("report")))
            if wish.rider_id not in (None, caller.id):
                raise Forbidden("rider_id: is not you; it comes from the token")
            files = form.getlist("photos")
            if len(files) + len(wish.photo_ids) > MOST_PHOTOS:
                raise Invalid.field("photos", f"at most {MOST_PHOTOS} with those of photo_ids")
            stored = [await _store(desk, pool, request, caller, file, number) for number, file in enumerate(files)]
        return wish.model_copy(update={"photo_ids": list(dict.fromkeys((*wish.photo_ids, *stored)))})

    return read_report


async def _store(
    desk: Taking, pool: PhotoPool, request: Request, caller: Principal, file: UploadFile | str, number: int
) -> str:
    """Its id. Raises `Invalid` naming which one is bad; those before it are kept, and are the same ones when sent again."""
    field = f"photos.{number}"
    sent = await _file(file, field)
    try:
        stored, _ = await store_photo(sent, caller.scope, desk, pool)
    except Invalid as error:
        raise at(field, error) from None
    await photo_arrived(desk, caller.scope, stored.id, context_of(request, caller.actor))
    return stored.id


def _refuse_unknown(form: FormData) -> None:
    unknown = sorted(set(form) - {"report", "photos"})
    if unknown:
        raise Invalid.field(unknown[0], "is no part of a report: send report and photos")


async def _file(found: UploadFile | str | None, field: str) -> Sent:
    if not isinstance(found, UploadFile):
        raise Invalid.field(field, "is missing, or is no file")
    return Sent(await found.read(), found.content_type, found.filename)


async def _text(found: UploadFile | str | None) -> bytes:
    """The JSON part, which a browser may send as a file of its own type."""
    if found is None:
        raise Invalid.field("report", "is missing")
    return await found.read() if isinstance(found, UploadFile) else found.encode()


def _report(raw: bytes) -> ReportIn:
    """Raises `RequestValidationError` as FastAPI does for a body of that type."""
    try:
        return ReportIn.model_validate(json.loads(raw))
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(found) from None
    except (ValueError, RecursionError) as error:  # the latter for thousands of brackets
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body", 0), "msg": str(error)}]) from None
