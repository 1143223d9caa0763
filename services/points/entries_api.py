"""Single entries over HTTP: why these points, and taking an award back by hand."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from services.points.answering import Key, Rendered
from services.points.api import EntryOut, entry_out
from services.points.domain.entry import Entry
from services.points.domain.explaining import why
from services.points.domain.incident import HAZARD
from services.points.domain.tariff import ActivityRule, Tariff
from services.points.ports import Books, EntryViews, Rules
from services.points.reversing import Reverse
from shared.errors import NotFound
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, submit_once

NO_ENTRY = "there is no such entry for you"


class ReversalIn(BaseModel):
    """Why an award is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Literal["bogus", "duplicate", "mistake", "not_done", "wrong_rider"]


class RuleOut(BaseModel):
    """The line of the rules that paid, as it was in that version: points, those of an emergency, caps per rider."""

    version: str
    rule: str
    points: int
    emergency_points: int | None
    cap_day: int | None
    cap_month: int | None


class WhyOut(BaseModel):
    """One entry with its reasons: a sentence in both languages, the rule (null where none paid, or where the reference
    data no longer has that version), and in `line` the evidence: incident, report, event, actor."""

    zh: str
    en: str
    rule: RuleOut | None
    line: EntryOut


@dataclass(frozen=True, slots=True)
class EntryDesk:
    """What these routes work with."""

    lane: Lane
    books: Books
    views: EntryViews
    rules: Rules
    new_id: NewId


def router(desk: EntryDesk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/entries/{entry_id}/why", summary="Why these points")
    async def get_why(entry_id: str, caller: Caller) -> WhyOut:
        found = await desk.views.entry(caller.scope, entry_id)
        if found is None:
            raise NotFound(NO_ENTRY)
        entry, said = found[1], why(found[1])
        tariff = desk.rules.tariffs(entry.subdistrict).named(entry.rule_version)
        rule = _rule_out(entry, tariff) if tariff else None
        return WhyOut(zh=said.zh, en=said.en, rule=rule, line=entry_out(entry))

    @routes.post("/entries/{entry_id}/reversal", status_code=201, response_model=EntryOut, summary="Take an award back")
    async def post_reversal(entry_id: str, wish: ReversalIn, request: Request, caller: Caller, key: Key) -> Response:
        found = await desk.views.entry(caller.scope, entry_id)
        if found is None:
            raise NotFound(NO_ENTRY)
        context = context_of(request, caller.actor)
        command = Reverse(desk.books, entry_id, found[0], wish.reason, caller.scope, context, desk.new_id)
        told = Rendered(command, entry_out)
        return await submit_once(desk.lane, caller, key, fingerprint(wish, "reverse", entry_id), told, 201)

    return routes


def _rule_out(entry: Entry, tariff: Tariff) -> RuleOut | None:
    """The line of the hazard table, or of the activity."""
    activity = tariff.activities.get(entry.activity)
    if entry.activity != HAZARD:
        return _out(tariff, activity.activity, activity.points, None, activity) if activity else None
    rows = (tariff.first, tariff.co_reporter, tariff.self_fixed, tariff.outstanding)
    row = next((row for row in rows if row.rule == entry.rule), None)
    return _out(tariff, row.rule, row.points, row.emergency_points, tariff) if row else None


def _out(tariff: Tariff, rule: str, points: int, emergency: int | None, caps: ActivityRule | Tariff) -> RuleOut:
    return RuleOut(
        version=tariff.version,
        rule=rule,
        points=points,
        emergency_points=emergency,
        cap_day=caps.cap_day,
        cap_month=caps.cap_month,
    )
