"""People over HTTP: rosters, accounts, invitations, and names within the caller's scope. Nothing of it may be cached."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, UploadFile
from pydantic import BaseModel

from services.intake import links
from services.intake.accounts import AccountChange, ChangeAccount
from services.intake.domain.account import Account, AccountStatus, Login
from services.intake.domain.account import Role as AccountRole
from services.intake.domain.invite import SECRET_BYTES, code_of
from services.intake.domain.roster import Places, Planned, check_places
from services.intake.domain.sight import Sight, shows_phone, sight_of
from services.intake.forms import AccountChangeIn, Code
from services.intake.metrics import AccountMetrics
from services.intake.ports import Listing, People, PlaceBook
from services.intake.roster import ImportRoster, read_roster
from services.intake.sessions import Desk, InviteAccount
from services.intake.sheets import MAX_BYTES, read_table
from shared.errors import Invalid, NotFound
from shared.ids import NewId
from shared.mongo.lane import Lane
from shared.web.auth import Caller, Principal
from shared.web.correlation import context_of

MOST_IDS = 200
KEPT = (
    "名单里没有的人不会被删除或停用，要停用请写状态“离队”。 "
    "Whoever is missing from the file stays as he is; to end an account give its row the status left."
)


class PersonOut(BaseModel):
    """Someone by name. `phone` is null unless the caller may see it."""

    id: str
    name: str | None
    role: str
    squad: str | None
    captain: bool
    community: str | None
    department: str | None
    phone: str | None


class AccountOut(PersonOut):
    """An account as those see it who look after it. `version` goes into the next change."""

    version: int
    status: str
    subdistrict: str
    communities: tuple[str, ...]
    partner: str | None
    number: str | None
    login_issuer: str | None
    changed_at: datetime | None


class PageOut(BaseModel):
    """A page of accounts by id; `next` is the `after` of the page that follows, null on the last."""

    accounts: list[AccountOut]
    next: str | None


class RosterRowOut(BaseModel):
    """What became of a row: created, changed, unchanged or left. `account` is null for one that is only tried."""

    row: int
    what: str
    account: str | None
    fields: tuple[str, ...]


class RosterOut(BaseModel):
    """What a roster did, or with `dry_run` would do."""

    dry_run: bool
    subdistrict: str
    created: int
    changed: int
    unchanged: int
    left: int
    rows: list[RosterRowOut]
    note: str


class InviteOut(BaseModel):
    """A one-time link, and the same as QR. It is shown once and kept nowhere; a new one ends it."""

    account_id: str
    link: str
    qr_svg: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Office:
    """What the routes of people work with. `origin`: where the front door is, as people's devices see it."""

    lane: Lane
    desk: Desk
    people: People
    places: PlaceBook
    metrics: AccountMetrics
    origin: str
    new_id: NewId
    new_secret: Callable[[int], bytes]


async def _no_store(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


def router(office: Office) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1", dependencies=[Depends(_no_store)])
    _people(routes, office)
    _accounts(routes, office)
    return routes


def _people(routes: APIRouter, office: Office) -> None:
    @routes.get("/people", summary="Names of people in my scope")
    async def get_people(
        caller: Caller, ids: Annotated[str, Query(max_length=50 * MOST_IDS, description="ids, with commas")]
    ) -> list[PersonOut]:
        wanted = list(dict.fromkeys(part for part in ids.split(",") if part))
        if len(wanted) > MOST_IDS:
            raise Invalid.field("ids", f"at most {MOST_IDS}")
        sight = _sight(caller)
        return [_person(one, sight) for one in await office.people.seen(sight, wanted)]

    @routes.get("/me", summary="My own account")
    async def get_me(caller: Caller) -> AccountOut:
        mine = await office.people.me(caller.scope)
        if mine is None:
            raise NotFound("there is no account of yours here")
        return _account(*mine, _sight(caller))

    @routes.get("/accounts", summary="The accounts I look after, by pages")
    async def get_accounts(
        caller: Caller,
        role: AccountRole | None = None,
        status: AccountStatus | None = None,
        squad: Code | None = None,
        after: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
    ) -> PageOut:
        sight = _sight(caller)
        found = await office.people.listed(sight, Listing(role, status, squad, after, limit))
        following = found[-1][0].id if len(found) == limit else None
        return PageOut(accounts=[_account(*one, sight) for one in found], next=following)


def _accounts(routes: APIRouter, office: Office) -> None:
    @routes.patch("/accounts/{account_id}", summary="Change an account; the version seen guards it")
    async def patch_account(account_id: str, wish: AccountChangeIn, request: Request, caller: Caller) -> AccountOut:
        check_places(office.places.places(caller.subdistrict), wish.community, wish.communities or (), wish.department)
        context = context_of(request, caller.actor)
        command = ChangeAccount(
            office.desk.accounts,
            account_id,
            caller.subdistrict,
            _change(wish),
            wish.expected_version,
            caller.id,
            context,
        )
        return _account(*await office.lane.submit(command), _sight(caller))

    @routes.post("/accounts/{account_id}/invites", status_code=201, summary="A one-time link; it ends the older one")
    async def post_invite(account_id: str, caller: Caller) -> InviteOut:
        code = _code(account_id, office.new_secret(SECRET_BYTES))
        command = InviteAccount(
            office.desk, account_id, code, caller.id, caller.role, caller.subdistrict, caller.communities
        )
        account, made = await office.lane.submit(command)
        link = links.invite_link(office.origin, account.role, code)
        return InviteOut(account_id=account.id, link=link, qr_svg=links.qr_svg(link), expires_at=made.expires_at)

    @routes.post("/roster", summary="Take over a roster (CSV or XLSX): all of it or nothing")
    async def post_roster(roster: UploadFile, request: Request, caller: Caller, dry_run: bool = False) -> RosterOut:
        content = await roster.read(MAX_BYTES + 1)
        rows = await asyncio.to_thread(read_table, content)
        lines = tuple(read_roster(rows, _places(office, caller)))
        fresh = tuple(office.new_id() for _ in lines)
        context = context_of(request, caller.actor)
        command = ImportRoster(office.desk.accounts, lines, fresh, caller.subdistrict, caller.id, dry_run, context)
        planned = await office.lane.submit(command)
        counts = Counter(one.what for one in planned)
        if not dry_run:
            for what, count in counts.items():
                office.metrics.roster_rows.labels(what).inc(count)
        return _roster_out(planned, counts, caller.subdistrict, dry_run)


def _sight(caller: Principal) -> Sight:
    return sight_of(caller.id, caller.role.value, caller.subdistrict, caller.communities, caller.squad, caller.captain)


def _code(account_id: str, secret: bytes) -> str:
    try:
        return code_of(account_id, secret)
    except ValueError:
        raise NotFound("you have no such account to invite") from None


def _places(office: Office, caller: Principal) -> Places:
    places = office.places.places(caller.subdistrict)
    if places is None:
        raise NotFound("your sub-district is not in the reference data of this installation")
    return places


def _change(wish: AccountChangeIn) -> AccountChange:
    return AccountChange(
        role=wish.role,
        status=wish.status,
        squad=wish.squad,
        captain=wish.captain,
        community=wish.community,
        communities=None if wish.communities is None else tuple(sorted(set(wish.communities))),
        department=wish.department,
        login=Login(wish.login.issuer, wish.login.subject) if wish.login else None,
    )


def _person(account: Account, sight: Sight) -> PersonOut:
    return PersonOut(
        id=account.id,
        name=account.name,
        role=account.role,
        squad=account.squad,
        captain=account.captain,
        community=account.community,
        department=account.department,
        phone=account.phone if shows_phone(sight, account) else None,
    )


def _account(account: Account, version: int, sight: Sight) -> AccountOut:
    return AccountOut(
        **_person(account, sight).model_dump(),
        version=version,
        status=account.status,
        subdistrict=account.subdistrict,
        communities=account.communities,
        partner=account.partner,
        number=account.number,
        login_issuer=account.login.issuer if account.login else None,
        changed_at=account.changed_at,
    )


def _roster_out(planned: list[Planned], counts: Counter[str], subdistrict: str, dry_run: bool) -> RosterOut:
    def account_of(one: Planned) -> str | None:
        return None if dry_run and one.before is None else one.after.id

    return RosterOut(
        dry_run=dry_run,
        subdistrict=subdistrict,
        created=counts["created"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        left=counts["left"],
        rows=[RosterRowOut(row=one.row, what=one.what, account=account_of(one), fields=one.fields) for one in planned],
        note=KEPT,
    )
