"""Notify's HTTP: inboxes, read and followed. Reads the request, calls a handler, renders the answer."""

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from services.notify.domain.audiences import Reach, reach_of
from services.notify.domain.message import Copy, Message
from services.notify.domain.telling import Urgency
from services.notify.forms import ReadIn
from services.notify.handlers import MarkRead
from services.notify.ports import Inboxes, Names, ReadMarks, Recipients
from services.notify.stream import Doorbell, follow
from shared.errors import Forbidden, Invalid
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from shared.web.auth import Caller
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Language = Literal["zh-CN", "en"]
Key = Annotated[str, Depends(idempotency_key)]
Number = Annotated[int, Query(ge=0, le=2_147_483_647)]

RETRY_MILLISECONDS = 2_000
"""How long an EventSource waits before it comes back."""


class MessageOut(BaseModel):
    """One message in one inbox, in the reader's language. `at` is when it happened, `stored_at` when it was put here."""

    id: str
    sequence: int
    template: str
    urgency: Urgency
    title: str
    text: str
    next: str
    link: str
    incident: str | None
    code: str | None
    at: datetime
    stored_at: datetime
    read: bool


class InboxOut(BaseModel):
    """A page. Ask again with `after` = the last `sequence` of it until that is `last`."""

    audience: str
    last: int
    read_up_to: int
    messages: list[MessageOut]


class ReadOut(BaseModel):
    """How far the caller has read an inbox."""

    audience: str
    last: int
    read_up_to: int


@dataclass(frozen=True, slots=True)
class _Rendered:
    """The answer to a mark."""

    inner: MarkRead

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def decide(self, work: Work) -> ReadOut:
        standing = self.inner.decide(work)
        return ReadOut(audience=self.inner.audience, last=standing.last, read_up_to=standing.read_up_to)


async def language(
    lang: Language | None = None, accept: Annotated[str, Header(alias="Accept-Language", max_length=200)] = ""
) -> Language:
    """FastAPI dependency: `?lang=`, else the first of ours that the client accepts, else zh-CN."""
    if lang is not None:
        return lang
    offers = [part.partition(";q=") for part in re.sub(r"\s", "", accept.lower()).split(",")]
    wanted = sorted(offers, key=lambda offer: -_weight(offer[2]))
    for name, _, weight in wanted:
        if name.partition("-")[0] in ("zh", "en") and _weight(weight) > 0:
            return "en" if name.startswith("en") else "zh-CN"
    return "zh-CN"


async def resume(
    after: Number = 0, last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = ""
) -> int:
    """FastAPI dependency: where a stream goes on. The header, which a browser sends by itself, counts before `after`."""
    if not last_event_id:
        return after
    if not last_event_id.isascii() or not last_event_id.isdigit():
        raise Invalid.field("Last-Event-ID", "must be the sequence number of a message")
    return int(last_event_id)


Spoken = Annotated[Language, Depends(language)]
Start = Annotated[int, Depends(resume)]


def router(
    lane: Lane, marks: ReadMarks, recipients: Recipients, inboxes: Inboxes, names: Names, doorbell: Doorbell
) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    async def reach(caller: Caller) -> Reach:
        return reach_of(caller.scope, names.communities(caller.subdistrict), names.groups(caller.subdistrict))

    Reached = Annotated[Reach, Depends(reach)]  # noqa: N806 - a type

    async def chosen(reached: Reached, audience: Annotated[str | None, Query(max_length=100)] = None) -> str:
        """Whose inbox. Decided before a stream begins, so that a refusal can still be one."""
        wanted = audience or reached.own
        if wanted not in reached.all:
            raise Forbidden("audience: is not yours")
        return wanted

    Audience = Annotated[str, Depends(chosen)]  # noqa: N806 - a type

    @routes.get("/inbox", summary="A page of an inbox, the oldest first")
    async def get_inbox(
        reached: Reached,
        audience: Audience,
        spoken: Spoken,
        response: Response,
        after: Number = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> InboxOut:
        page = await inboxes.page(reached, audience, after, limit)
        standing = await inboxes.standing(reached, audience)
        response.headers["Content-Language"] = spoken
        return InboxOut(
            audience=audience,
            last=standing.last,
            read_up_to=standing.read_up_to,
            messages=[_out(copy, message, spoken, standing.read_up_to) for copy, message in page],
        )

    @routes.get("/inbox/stream", response_class=EventSourceResponse, summary="An inbox as server-sent events")
    async def get_stream(
        reached: Reached, audience: Audience, spoken: Spoken, start: Start
    ) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="inbox", retry=RETRY_MILLISECONDS)
        read = (await inboxes.standing(reached, audience)).read_up_to
        async for copy, message in follow(inboxes, doorbell, reached, audience, start):
            data = _out(copy, message, spoken, read)
            yield ServerSentEvent(event="message", id=str(copy.sequence), data=data)

    @routes.post("/inbox/read", response_model=ReadOut, summary="I have read up to here")
    async def post_read(wish: ReadIn, caller: Caller, audience: Audience, key: Key) -> Response:
        command = _Rendered(MarkRead(marks, recipients, audience, caller.id, wish.up_to))
        return await submit_once(lane, caller, key, fingerprint(wish, audience), command)

    return routes


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _out(copy: Copy, message: Message, spoken: Language, read_up_to: int) -> MessageOut:
    words = message.en if spoken == "en" else message.zh
    return MessageOut(
        id=f"{message.event}|{copy.audience}",
        sequence=copy.sequence,
        template=message.template,
        urgency=message.urgency,
        title=words.title,
        text=words.text,
        next=words.next,
        link=message.link,
        incident=message.incident,
        code=message.code,
        at=message.at,
        stored_at=copy.stored,
        read=copy.sequence <= read_up_to,
    )
