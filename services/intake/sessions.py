"""Logging in and staying logged in, each step one transaction: an invitation is used once, whoever else tries."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.accounts import key_refs, put_account, refuse_faults
from services.intake.domain.account import LOGS_IN, Account, Login
from services.intake.domain.invite import Invite, invite, judge, may_invite
from services.intake.domain.session import Client, Devices, Session, ended, is_open, make_room, open_session, refresh
from services.intake.ports import Accounts, DeviceLists, Invites, Sessions
from shared.context import Context
from shared.errors import NotFound, Refused
from shared.mongo.work import Ref, Work

USED_TOKENS = "used_tokens"
"""`_id` is a digest of issuer and nonce of an id token that has opened a session; `until` is when the token expires."""

Outcome = Literal["rotated", "repeated", "reused", "ended", "expired", "left", "unknown"]


class LoginRefused(Refused):
    """This invitation or identity opens no session. The code says why, to whoever holds it."""

    status = 401
    code = "login-refused"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where accounts and what opens sessions are kept."""

    accounts: Accounts
    invites: Invites
    sessions: Sessions
    devices: DeviceLists


@dataclass(frozen=True, slots=True)
class Device:
    """What is to be logged in: the id of its new session, what kind of program, and how its owner knows it."""

    session: str
    client: Client
    name: str


@dataclass(frozen=True, slots=True)
class InviteAccount:
    """Make an account's invitation; the one before is worth nothing from now on.

    `code` is random and only its digest is kept. Answers with the account, whose role says where the link leads.
    """

    desk: Desk
    account: str
    code: str
    by_id: str
    by_role: str
    subdistrict: str
    communities: tuple[str, ...]

    def reads(self) -> Iterable[Ref]:
        return [self.desk.accounts.ref(self.account), self.desk.invites.ref(self.account)]

    def decide(self, work: Work) -> tuple[Account, Invite]:
        account = self.desk.accounts.get(work, self.account)
        if account is None or not may_invite(account, self.by_role, self.subdistrict, self.communities):
            raise NotFound("you have no such account to invite")
        made = invite(account.id, self.code, self.by_id, work.now)
        self.desk.invites.put(work, made)
        return account, made


@dataclass(frozen=True, slots=True)
class InviteFirst:
    """Make an account unless it is there, and its invitation: for the operator of a new installation, who asks nobody.

    Raises `Invalid` or `KeyTaken`.
    """

    desk: Desk
    account: Account
    code: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        own = [self.desk.accounts.ref(self.account.id), self.desk.invites.ref(self.account.id)]
        return [*own, *key_refs(self.account)]

    def decide(self, work: Work) -> Invite:
        if self.desk.accounts.get(work, self.account.id) is None:
            refuse_faults(self.account)
            put_account(work, self.desk.accounts, None, self.account, self.context)
        made = invite(self.account.id, self.code, self.context.actor, work.now)
        self.desk.invites.put(work, made)
        return made


@dataclass(frozen=True, slots=True)
class OpenByInvite:
    """Turn an invitation into a session. Of any number that try at once, one succeeds. Raises `LoginRefused`."""

    desk: Desk
    account: str
    code: str
    device: Device

    def reads(self) -> Iterable[Ref]:
        return [self.desk.invites.ref(self.account), *_opening_reads(self.desk, self.account, self.device)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return _sessions_of(self.desk, work, self.account)

    def decide(self, work: Work) -> tuple[Account, Session]:
        found = self.desk.invites.get(work, self.account)
        verdict = judge(found, self.code, work.now)
        if found is None or verdict != "good":
            raise LoginRefused(_REASONS[verdict], code=f"invite-{verdict}")
        self.desk.invites.put(work, replace(found, used_at=work.now))
        return _open(self.desk, work, self.account, self.device)


_REASONS = {
    "unknown": "invite: is not known; a newer one may have taken its place",
    "used": "invite: was used already; ask for a new one",
    "expired": "invite: is older than seven days; ask for a new one",
}


@dataclass(frozen=True, slots=True)
class OpenByLogin:
    """Turn a checked id token into a session, each token once. Raises `LoginRefused`."""

    desk: Desk
    account: str
    login: Login
    nonce: str
    expires_at: datetime
    device: Device

    @property
    def _used(self) -> str:
        return hashlib.sha256(f"{self.login.issuer}\n{self.nonce}".encode()).hexdigest()

    def reads(self) -> Iterable[Ref]:
        return [Ref(USED_TOKENS, self._used), *_opening_reads(self.desk, self.account, self.device)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return _sessions_of(self.desk, work, self.account)

    def decide(self, work: Work) -> tuple[Account, Session]:
        account = self.desk.accounts.get(work, self.account)
        if account is None or account.login != self.login:
            raise LoginRefused("id_token: nobody here has this identity", code="login-unknown")
        if work.get(USED_TOKENS, self._used) is not None:
            raise LoginRefused("id_token: was used already; log in there again", code="login-used")
        work.put(USED_TOKENS, {"_id": self._used, "until": self.expires_at})
        return _open(self.desk, work, self.account, self.device)


def _opening_reads(desk: Desk, account: str, device: Device) -> list[Ref]:
    return [desk.accounts.ref(account), desk.devices.ref(account), desk.sessions.ref(device.session)]


def _sessions_of(desk: Desk, work: Work, account: str) -> list[Ref]:
    known = desk.devices.get(work, account)
    return [desk.sessions.ref(session) for session in known.sessions] if known else []


def _open(desk: Desk, work: Work, account_id: str, device: Device) -> tuple[Account, Session]:
    account = desk.accounts.get(work, account_id)
    if account is None or account.status not in LOGS_IN:
        raise LoginRefused("the account takes no part any more", code="login-left")
    session = open_session(device.session, account.id, device.client, device.name, work.now)
    known = desk.devices.get(work, account.id) or Devices(account.id)
    theirs = [one for one in (desk.sessions.get(work, id_) for id_ in known.sessions) if one]
    kept, over = make_room([one for one in theirs if is_open(one, work.now)])
    for one in over:
        desk.sessions.put(work, ended(one, "too many devices", work.now))
    desk.devices.put(work, Devices(account.id, (*(one.id for one in kept), session.id)))
    desk.sessions.put(work, session)
    return account, session


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Carry a session on with a genuine refresh token. A refusal is an answer too: what it ended must be stored."""

    desk: Desk
    session: str
    generation: int

    def reads(self) -> Iterable[Ref]:
        return [self.desk.sessions.ref(self.session)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        session = self.desk.sessions.get(work, self.session)
        return [self.desk.accounts.ref(session.account)] if session else []

    def decide(self, work: Work) -> tuple[Outcome, Session | None, Account | None]:
        before = self.desk.sessions.get(work, self.session)
        if before is None:
            return "unknown", None, None
        account = self.desk.accounts.get(work, before.account)
        outcome: Outcome
        after, outcome = refresh(before, self.generation, work.now)
        if outcome in ("rotated", "repeated") and (account is None or account.status not in LOGS_IN):
            after, outcome = ended(before, "left", work.now), "left"
        if after != before:
            self.desk.sessions.put(work, after)
        return outcome, after, account


@dataclass(frozen=True, slots=True)
class EndSession:
    """Log one device of the caller out. Ended already, nothing changes."""

    desk: Desk
    account: str
    session: str

    def reads(self) -> Iterable[Ref]:
        return [self.desk.sessions.ref(self.session)]

    def decide(self, work: Work) -> None:
        session = self.desk.sessions.get(work, self.session)
        if session is None or session.account != self.account:
            raise NotFound("you have no such session")
        after = ended(session, "logged out", work.now)
        if after != session:
            self.desk.sessions.put(work, after)


@dataclass(frozen=True, slots=True)
class EndSessions:
    """Log the caller out everywhere. Answers with how many sessions that ended."""

    desk: Desk
    account: str

    def reads(self) -> Iterable[Ref]:
        return [self.desk.devices.ref(self.account)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return _sessions_of(self.desk, work, self.account)

    def decide(self, work: Work) -> int:
        known = self.desk.devices.get(work, self.account)
        if known is None:
            return 0
        theirs = [one for one in (self.desk.sessions.get(work, id_) for id_ in known.sessions) if one]
        open_ones = [one for one in theirs if is_open(one, work.now)]
        for one in open_ones:
            self.desk.sessions.put(work, ended(one, "logged out everywhere", work.now))
        self.desk.devices.put(work, Devices(self.account))
        return len(open_ones)
