"""Logging in, staying logged in and logging out over HTTP. Refused logins are counted, and whoever cannot be counted waits."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Cookie, Header, Request, Response
from pydantic import BaseModel

from services.intake.cookies import REFRESH_COOKIE, clear_cookies, set_cookies
from services.intake.domain.account import Account
from services.intake.domain.invite import account_of
from services.intake.domain.session import Session, expires_at
from services.intake.forms import RefreshIn, SessionIn
from services.intake.issuers import IdTokenRefused, IdTokens
from services.intake.logins import LoginLimits
from services.intake.metrics import AccountMetrics
from services.intake.ports import People
from services.intake.sessions import (
    Desk,
    Device,
    EndSession,
    EndSessions,
    LoginRefused,
    OpenByInvite,
    OpenByLogin,
    RefreshSession,
)
from services.intake.tokens import VALID, SessionTokens
from shared.clock import Clock
from shared.errors import NotFound
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Unauthorized, check_csrf

log = structlog.get_logger(__name__)


class SessionOut(BaseModel):
    """A session. The tokens are null for client `web`, which gets them as cookies. `expires_in`: seconds of access."""

    session_id: str
    account_id: str
    role: str
    subdistrict: str
    access_token: str | None
    refresh_token: str | None
    expires_in: int
    session_expires_at: datetime


class DeviceOut(BaseModel):
    """One of my logins."""

    session_id: str
    client: str
    device: str
    opened_at: datetime
    used_at: datetime
    expires_at: datetime
    current: bool


class EndedOut(BaseModel):
    """How many of my sessions were ended."""

    ended: int


class SessionEnded(Unauthorized):
    """This refresh token carries nothing on: log in again."""

    code = "session-ended"


@dataclass(frozen=True, slots=True)
class Door:
    """What the routes of sessions work with. `secure`: cookies travel over TLS only."""

    lane: Lane
    desk: Desk
    people: People
    tokens: SessionTokens
    id_tokens: IdTokens
    limits: LoginLimits
    metrics: AccountMetrics
    clock: Clock
    new_id: NewId
    secure: bool


def router(door: Door) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")
    _logging_in(routes, door)
    _refreshing(routes, door)
    _devices(routes, door)
    return routes


def _logging_in(routes: APIRouter, door: Door) -> None:
    @routes.post("/sessions", status_code=201, summary="Log in with an invitation or an id token")
    async def post_session(wish: SessionIn, request: Request, response: Response) -> SessionOut:
        address = request.client.host if request.client else ""
        way = "invite" if wish.invite else "issuer"
        await door.limits.admit(address)
        try:
            account, session = await _open(door, wish)
        except (LoginRefused, IdTokenRefused) as refused:
            door.metrics.logins.labels(way, refused.problem_code).inc()
            await door.limits.failed(address)
            raise
        door.metrics.logins.labels(way, "opened").inc()
        log.info("session opened", session=session.id, account=account.id, way=way)
        return _answer(door, response, session, account)


async def _open(door: Door, wish: SessionIn) -> tuple[Account, Session]:
    device = Device(door.new_id(), wish.client, wish.device)
    if wish.id_token and wish.nonce:
        who = await door.id_tokens.check(wish.id_token, wish.nonce)
        account = await door.people.of_login(who.login)
        if account is None:
            raise LoginRefused("id_token: nobody here has this identity", code="login-unknown")
        return await door.lane.submit(OpenByLogin(door.desk, account, who.login, who.nonce, who.expires_at, device))
    code = wish.invite or ""
    account = account_of(code)
    if account is None:
        raise LoginRefused("invite: is no invitation", code="invite-unknown")
    return await door.lane.submit(OpenByInvite(door.desk, account, code, device))


def _answer(door: Door, response: Response, session: Session, account: Account) -> SessionOut:
    access, refresh = door.tokens.access(session, account, door.clock()), door.tokens.refresh(session)
    web = session.client == "web"
    if web:
        set_cookies(response, access, refresh, door.tokens.csrf(session.id), secure=door.secure)
    response.headers["Cache-Control"] = "no-store"
    return SessionOut(
        session_id=session.id,
        account_id=account.id,
        role=account.role,
        subdistrict=account.subdistrict,
        access_token=None if web else access,
        refresh_token=None if web else refresh,
        expires_in=int(VALID.total_seconds()),
        session_expires_at=expires_at(session),
    )


def _refreshing(routes: APIRouter, door: Door) -> None:
    @routes.post("/sessions/refresh", summary="Carry a session on; each refresh token is used once")
    async def post_refresh(
        request: Request,
        response: Response,
        wish: RefreshIn | None = None,
        cookie: Annotated[str | None, Cookie(alias=REFRESH_COOKIE)] = None,
        key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=16, max_length=200)] = None,
    ) -> SessionOut:
        known = door.tokens.read(wish.refresh_token if wish else cookie or "")
        if known is None:
            door.metrics.refreshes.labels("unknown").inc()
            raise SessionEnded("the refresh token is not one of ours; log in again")
        session_id, generation = known
        if wish is None:
            check_csrf(request, door.tokens.csrf(session_id))
        outcome, session, account = await door.lane.submit(
            RefreshSession(door.desk, session_id, generation, _attempt(key))
        )
        door.metrics.refreshes.labels(outcome).inc()
        if outcome not in ("rotated", "repeated") or session is None or account is None:
            level = log.warning if outcome == "reused" else log.info
            level("refresh refused", session=session_id, generation=generation, outcome=outcome)
            raise SessionEnded("the session has ended; log in again")
        return _answer(door, response, session, account)


def _attempt(key: str | None) -> str | None:
    """What is kept of the key: whoever reads the database learns nothing to repeat."""
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()


def _devices(routes: APIRouter, door: Door) -> None:
    @routes.get("/sessions", summary="Where I am logged in")
    async def get_sessions(caller: Caller) -> list[DeviceOut]:
        mine = await door.people.sessions(caller.scope, door.clock())
        return [_device(one, one.id == caller.session) for one in mine]

    @routes.delete("/sessions/current", status_code=204, summary="Log out here")
    async def delete_current(caller: Caller, response: Response) -> None:
        if caller.session is None:
            raise NotFound("this token belongs to no session")
        await door.lane.submit(EndSession(door.desk, caller.id, caller.session))
        clear_cookies(response, secure=door.secure)

    @routes.delete("/sessions", summary="Log out everywhere")
    async def delete_sessions(caller: Caller, response: Response) -> EndedOut:
        count = await door.lane.submit(EndSessions(door.desk, caller.id))
        clear_cookies(response, secure=door.secure)
        return EndedOut(ended=count)


def _device(session: Session, current: bool) -> DeviceOut:
    return DeviceOut(
        session_id=session.id,
        client=session.client,
        device=session.device,
        opened_at=session.opened_at,
        used_at=session.refreshed_at,
        expires_at=expires_at(session),
        current=current,
    )
