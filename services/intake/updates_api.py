"""Updates of one's own reports over HTTP. Each is a command of its own, so that each says what it needs."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.intake.domain.report import CONFLICT_METRES, Flag, metres_between
from services.intake.domain.update import UpdateKind
from services.intake.ports import Holdings, PhotoStore, Views
from services.intake.report_out import ReportOut, report_out
from services.intake.update_forms import AnswerIn, AppealIn, CommentIn, FixedIn, NotFixedIn, PhotosIn
from services.intake.updates import AddUpdate
from shared.errors import FieldError, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work, more_reads
from shared.scope import Scope
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Key = Annotated[str, Depends(idempotency_key)]


@dataclass(frozen=True, slots=True)
class _Rendered:
    """An update whose answer is the report afterwards."""

    inner: AddUpdate

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.inner, work)

    def decide(self, work: Work) -> ReportOut:
        updated = self.inner.decide(work)
        return report_out(updated.report, updated.status)


def router(lane: Lane, holdings: Holdings, photos: PhotoStore, views: Views) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1/reports/{report_id}")

    async def add(
        report_id: str,
        kind: UpdateKind,
        wish: BaseModel,
        text: str | None,
        request: Request,
        caller: Principal,
        key: str,
        photo_ids: tuple[str, ...] = (),
        flags: tuple[Flag, ...] = (),
    ) -> Response:
        context = context_of(request, caller.actor)
        command = AddUpdate(holdings, caller.scope, report_id, kind, text, photo_ids, flags, context)
        return await submit_once(lane, caller, key, fingerprint(wish, kind, report_id), _Rendered(command))

    async def flags_of(report_id: str, scope: Scope, photo_ids: list[str]) -> tuple[Flag, ...]:
        """Raises `NotFound`, and `Invalid` for photos that the caller has not."""
        found = await views.report(scope, report_id)
        if found is None:
            raise NotFound("you have no such report")
        own = await photos.own(scope, photo_ids)
        _refuse_missing(photo_ids, own)
        metres = [metres_between(found[0].place, photo.gps) for photo in own.values()]
        far = any(distance is not None and distance > CONFLICT_METRES for distance in metres)
        return ("location_conflict",) if far else ()

    @routes.post("/photos", response_model=ReportOut, summary="Add photos that are uploaded already")
    async def post_photos(report_id: str, wish: PhotosIn, request: Request, caller: Caller, key: Key) -> Response:
        flags = await flags_of(report_id, caller.scope, wish.photo_ids)
        ids = tuple(wish.photo_ids)
        return await add(report_id, "photo_added", wish, None, request, caller, key, ids, flags)

    @routes.post("/comments", response_model=ReportOut, summary="Add a comment; it changes no deadline")
    async def post_comment(report_id: str, wish: CommentIn, request: Request, caller: Caller, key: Key) -> Response:
        return await add(report_id, "comment", wish, wish.text, request, caller, key)

    @routes.post("/answers", response_model=ReportOut, summary="Answer the question that staff have asked")
    async def post_answer(report_id: str, wish: AnswerIn, request: Request, caller: Caller, key: Key) -> Response:
        return await add(report_id, "info_given", wish, wish.text, request, caller, key)

    @routes.post("/fixed", response_model=ReportOut, summary="Say that it is fixed")
    async def post_fixed(report_id: str, wish: FixedIn, request: Request, caller: Caller, key: Key) -> Response:
        return await add(report_id, "says_fixed", wish, wish.text or None, request, caller, key)

    @routes.post("/not-fixed", response_model=ReportOut, summary="Say that it is not fixed, and why")
    async def post_not_fixed(report_id: str, wish: NotFixedIn, request: Request, caller: Caller, key: Key) -> Response:
        return await add(report_id, "says_not_fixed", wish, wish.text, request, caller, key)

    @routes.post("/appeal", response_model=ReportOut, summary="Appeal against a rejection, within 7 days")
    async def post_appeal(report_id: str, wish: AppealIn, request: Request, caller: Caller, key: Key) -> Response:
        return await add(report_id, "appealed", wish, wish.text, request, caller, key)

    return routes


def _refuse_missing(wanted: list[str], own: Container[str]) -> None:
    """The answer does not tell whether a photo is somebody else's."""
    wrong = [
        FieldError(f"photo_ids.{index}", "you have no such photo; upload it first")
        for index, id_ in enumerate(wanted)
        if id_ not in own
    ]
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)
