"""What desks see of telling people: who can be reached, with which texts, and what became of every delivery."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.notify.audience_book import Audience, AudienceBook
from services.notify.domain.delivery import Delivery, State
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import TEMPLATES, Text, placeholders, render
from services.notify.domain.words import SAMPLES
from shared.contracts.scalars import Instant
from shared.scope import Scope
from shared.web.auth import Caller


class AttemptOut(BaseModel):
    """One call and its code."""

    at: datetime
    code: str


class DeliveryOut(BaseModel):
    """One message on its way to one endpoint, without its text. `code` says why it ended so."""

    id: str
    audience: str
    channel: str
    endpoint: str
    template: str
    urgency: Urgency
    code: str | None
    state: State
    reason: str
    stored_at: datetime
    due_at: datetime
    ended_at: datetime | None
    attempts: list[AttemptOut]


class AudienceOut(BaseModel):
    """Somebody who can be told. Without `robots` only the inbox has it, to be read or pasted."""

    audience: str
    level: str
    of: str
    name_zh: str
    name_en: str
    community: str | None
    above: str | None
    robots: list[str]


class AudiencesOut(BaseModel):
    """`without_group`: micro-grids that no group belongs to; `without_robot`: groups in which no robot speaks."""

    audiences: list[AudienceOut]
    without_group: list[str]
    without_robot: list[str]


class TextOut(BaseModel):
    """A text in one language."""

    title: str
    text: str
    next: str


class TemplateOut(BaseModel):
    """A template by its name with what it fills in, and how it reads with sample values."""

    template: str
    placeholders: list[str]
    zh: TextOut
    en: TextOut
    link: str


class Outcomes(Protocol):
    """See `delivery_store.MongoOutcomes`."""

    async def page(
        self, scope: Scope, state: str | None, audience: str | None, before: datetime | None, limit: int
    ) -> list[Delivery]: ...


def router(outcomes: Outcomes, book: AudienceBook) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/deliveries", summary="What became of messages beside the inboxes, the newest first")
    async def get_deliveries(
        caller: Caller,
        state: State | None = None,
        audience: Annotated[str | None, Query(max_length=100)] = None,
        before: Annotated[Instant | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[DeliveryOut]:
        found = await outcomes.page(caller.scope, state and state.value, audience, before, limit)
        return [_delivery(one) for one in found]

    @routes.get("/audiences", summary="Who can be told, and which grids have no group or no robot")
    async def get_audiences(caller: Caller) -> AudiencesOut:
        found = book.seen(caller.scope)
        return AudiencesOut(
            audiences=[_audience(one) for one in found],
            without_group=book.grids_without_group(caller.scope),
            without_robot=[one.code for one in found if one.code.startswith("group:") and not one.robots],
        )

    @routes.get("/templates", summary="Every text, as it reads with sample values")
    async def get_templates(caller: Caller, kind: Literal["all", "groups"] = "all") -> list[TemplateOut]:
        names = [name for name in TEMPLATES if kind == "all" or name.startswith("group_") or name.endswith("_groups")]
        return [_template(name) for name in names]

    return routes


def _delivery(one: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=one.id,
        audience=one.audience,
        channel=one.channel.value,
        endpoint=one.endpoint,
        template=one.template,
        urgency=one.urgency,
        code=one.public_code,
        state=one.state,
        reason=one.code,
        stored_at=one.stored,
        due_at=one.due,
        ended_at=one.ended,
        attempts=[AttemptOut(at=attempt.at, code=attempt.code) for attempt in one.attempts],
    )


def _audience(one: Audience) -> AudienceOut:
    return AudienceOut(
        audience=one.code,
        level=one.level,
        of=one.of,
        name_zh=one.name.zh,
        name_en=one.name.en,
        community=one.community,
        above=one.above,
        robots=list(one.robots),
    )


def _template(name: str) -> TemplateOut:
    template = TEMPLATES[name]
    zh, en, link = render(template, SAMPLES)
    return TemplateOut(
        template=name, placeholders=sorted(placeholders(template)), zh=_text(zh), en=_text(en), link=link
    )


def _text(text: Text) -> TextOut:
    return TextOut(title=text.title, text=text.text, next=text.next)
