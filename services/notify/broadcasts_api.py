"""Notices over HTTP: a desk writes to its own part of the group tree, sees how many it reaches, schedules, takes back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Protocol
from uuid import NAMESPACE_OID, uuid5

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.notify.audience_book import AudienceBook
from services.notify.broadcasting import everybody
from services.notify.broadcasts import DecideBroadcast, WriteBroadcast, at
from services.notify.domain.broadcast import RIDERS, Broadcast, State, withdrawn
from services.notify.domain.telling import Urgency
from services.notify.domain.words import Words
from services.notify.ports import Kept
from shared.clock import Clock
from shared.contracts.scalars import Instant
from shared.errors import NotFound
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.auth import Caller

Line = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]
Body = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f]+$")]


class BroadcastIn(BaseModel):
    """`targets`: audiences of `GET /v1/audiences`, or `riders:<community, squad or sub-district>`. `below`: every group under
    a target, too. `title_en` and `text_en`: the Chinese ones unless given. `urgent` wakes people at night."""

    model_config = ConfigDict(extra="forbid")

    client_key: str = Field(min_length=8, max_length=64, pattern="^[0-9A-Za-z-]+$")
    title_zh: Line
    text_zh: Body
    title_en: Line | None = None
    text_en: Body | None = None
    urgency: Literal["urgent", "normal"] = "normal"
    targets: list[Annotated[str, Field(max_length=100)]] = Field(min_length=1, max_length=50)
    below: bool = False


class ScheduleIn(BaseModel):
    """When it goes out; null: now."""

    model_config = ConfigDict(extra="forbid")

    at: Instant | None = None


class BroadcastOut(BaseModel):
    """A notice. `reach`: inboxes that it would be put into now, or was; `robots`: groups among them that hear it aloud."""

    broadcast: str
    state: State
    title_zh: str
    text_zh: str
    title_en: str
    text_en: str
    urgency: Urgency
    targets: list[str]
    due_at: datetime | None
    sent_at: datetime | None
    reach: int
    robots: int


class Notices(Protocol):
    """What desks look at."""

    async def listed(self, scope: Scope, limit: int) -> list[Broadcast]: ...
    async def one(self, scope: Scope, id_: str) -> Broadcast | None: ...
    async def due(self, now: datetime) -> list[Broadcast]: ...
    async def riders(self, subdistrict: str, of: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Board:
    """What the routes work with."""

    lane: Lane
    broadcasts: Kept[Broadcast]
    notices: Notices
    book: AudienceBook
    clock: Clock


def router(board: Board) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/broadcasts", status_code=201, summary="Write a notice; nothing is sent yet")
    async def post_broadcast(wish: BroadcastIn, caller: Caller) -> BroadcastOut:
        draft = _draft(wish, caller, board.book, board.clock())
        return await _out(board, caller.scope, await board.lane.submit(WriteBroadcast(board.broadcasts, draft)))

    @routes.post("/broadcasts/{broadcast_id}/schedule", summary="Send it then, or now")
    async def schedule(broadcast_id: str, wish: ScheduleIn, caller: Caller) -> BroadcastOut:
        command = DecideBroadcast(board.broadcasts, broadcast_id, caller.scope, at(wish.at))
        return await _out(board, caller.scope, await board.lane.submit(command))

    @routes.post("/broadcasts/{broadcast_id}/withdraw", summary="Take it back, as long as it is not on its way")
    async def withdraw(broadcast_id: str, caller: Caller) -> BroadcastOut:
        take_back = lambda broadcast, now: withdrawn(broadcast)  # noqa: E731
        command = DecideBroadcast(board.broadcasts, broadcast_id, caller.scope, take_back)
        return await _out(board, caller.scope, await board.lane.submit(command))

    @routes.get("/broadcasts", summary="The notices of my communities, the newest first")
    async def get_broadcasts(caller: Caller, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[BroadcastOut]:
        found = await board.notices.listed(caller.scope, limit)
        return [await _out(board, caller.scope, one) for one in found]

    @routes.get("/broadcasts/{broadcast_id}", summary="A notice and whom it reaches")
    async def get_broadcast(broadcast_id: str, caller: Caller) -> BroadcastOut:
        found = await board.notices.one(caller.scope, broadcast_id)
        if found is None:
            raise NotFound("there is no such notice for you")
        return await _out(board, caller.scope, found)

    return routes


def _draft(wish: BroadcastIn, caller: Caller, book: AudienceBook, now: datetime) -> Broadcast:
    """Raises `Invalid` for a target that is not the desk's."""
    targets, communities = book.targets(caller.scope, wish.targets, below=wish.below)
    return Broadcast(
        id=str(uuid5(NAMESPACE_OID, f"{caller.id}|{wish.client_key}")),
        subdistrict=caller.subdistrict,
        communities=communities,
        author=caller.actor,
        title=Words(wish.title_zh, wish.title_en or wish.title_zh),
        text=Words(wish.text_zh, wish.text_en or wish.text_zh),
        urgency=Urgency(wish.urgency),
        targets=targets,
        state=State.DRAFT,
        created=now,
    )


async def _out(board: Board, scope: Scope, one: Broadcast) -> BroadcastOut:
    over = one.state in (State.SENT, State.WITHDRAWN)
    reach = one.reached if over else len(await everybody(board.notices, one))
    return BroadcastOut(
        broadcast=one.id,
        state=one.state,
        title_zh=one.title.zh,
        text_zh=one.text.zh,
        title_en=one.title.en,
        text_en=one.text.en,
        urgency=one.urgency,
        targets=list(one.targets),
        due_at=one.due,
        sent_at=one.sent,
        reach=reach,
        robots=sum(board.book.speaks(target) for target in one.targets if not target.startswith(RIDERS)),
    )
