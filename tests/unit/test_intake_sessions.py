"""Sessions: refresh tokens that rotate, copies that give themselves away, invitations that are used once."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from services.intake.domain.account import Account, Login
from services.intake.domain.invite import VALID, account_of, code_of, invite, judge, may_invite
from services.intake.domain.session import (
    GRACE,
    IDLE,
    LONGEST,
    MOST_DEVICES,
    Session,
    ended,
    expires_at,
    is_open,
    open_session,
    read_refresh_token,
    refresh,
    refresh_token,
)
from services.intake.sessions import (
    Device,
    EndSession,
    EndSessions,
    InviteAccount,
    LoginRefused,
    OpenByInvite,
    OpenByLogin,
    RefreshSession,
)
from services.intake.store import ACCOUNTS, DEVICES, SESSIONS
from services.intake.tokens import SessionTokens
from shared.errors import NotFound
from shared.ids import new_id
from shared.mongo.lane import Lane
from shared.web.auth import Principal, Role, TokenVerifier, read_jwks
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.people import DESK, HERE, THERE, account, department, staff
from tests.support.tokens import AUDIENCE, ISSUER, Signer

SECRET = b"0123456789abcdef0123456789abcdef"
RIDER = str(uuid.UUID(int=1))
LATER = GRACE + timedelta(milliseconds=1)


def session(**changes: Any) -> Session:
    return replace(open_session("s1", RIDER, "app", "phone", NOW), **changes)


def test_the_newest_token_rotates() -> None:
    after, verdict = refresh(session(), 1, NOW + timedelta(days=1))
    assert (after.generation, after.refreshed_at, verdict) == (2, NOW + timedelta(days=1), "rotated")


def test_a_lost_answer_logs_nobody_out() -> None:
    first, _ = refresh(session(), 1, NOW)
    again, verdict = refresh(first, 1, NOW + GRACE)
    assert (again, verdict) == (first, "repeated")
    assert refresh_token(SECRET, again.id, again.generation) == refresh_token(SECRET, first.id, 2)
    # and what came back carries on
    assert refresh(again, 2, NOW + timedelta(hours=1))[1] == "rotated"


def test_a_lost_answer_is_repeated_however_late_to_the_attempt_that_lost_it_and_to_nobody_else() -> None:
    first, _ = refresh(session(), 1, NOW, "mine")
    late = NOW + timedelta(days=3)
    assert refresh(first, 1, late, "mine") == (first, "repeated")
    assert refresh(first, 1, late, "a thief's")[1] == "reused"
    assert refresh(first, 1, late)[1] == "reused"
    used, _ = refresh(first, 2, late, "next")
    assert refresh(used, 1, late, "mine")[1] == "reused"


@pytest.mark.parametrize(
    ("used", "presented", "at"),
    [
        ([1], 1, NOW + LATER),  # the successor is out for too long
        ([1, 2], 1, NOW),  # the successor was used
        ([1, 2, 3], 1, NOW),
        ([1, 2, 3], 2, NOW),
        ([], 7, NOW),  # never given out
        ([], 0, NOW),
    ],
)
def test_a_copy_ends_the_session_for_both(used: list[int], presented: int, at: datetime) -> None:
    one = session()
    for generation in used:
        one, verdict = refresh(one, generation, NOW)
        assert verdict == "rotated"
    after, verdict = refresh(one, presented, at)
    assert (verdict, after.ended_because, is_open(after, at)) == ("reused", "reused", False)
    assert refresh(after, one.generation, at) == (after, "ended")


def test_ninety_days_idle_and_a_year_in_all() -> None:
    assert refresh(session(), 1, NOW + IDLE)[1] == "expired"
    one, at = session(), NOW
    for generation in range(1, 100):
        at += timedelta(days=80)
        one, verdict = refresh(one, generation, at)
        if verdict != "rotated":
            break
    assert (verdict, at - NOW) == ("expired", timedelta(days=400))
    assert expires_at(one) == NOW + LONGEST


def test_only_our_refresh_tokens_are_read() -> None:
    token = refresh_token(SECRET, "s1", 3)
    assert read_refresh_token(SECRET, token) == ("s1", 3)
    proof = token.rpartition(".")[2]
    for wrong in (
        "",
        "s1",
        "s1.3",
        f"s1.4.{proof}",
        f"s2.3.{proof}",
        f"s1.03.{proof}",
        f"s1.3.{proof}x",
        f"s1.-3.{proof}",
    ):
        assert read_refresh_token(SECRET, wrong) is None
    assert read_refresh_token(b"another secret of thirty-two byte", token) is None


def test_a_code_says_whose_it_is_and_nothing_else_does() -> None:
    code = code_of(RIDER, b"x" * 16)
    assert account_of(code) == RIDER
    for wrong in ("", "x", code[:-1], code + "AA", code.replace(code[3], "!"), "ü" * 43):
        assert account_of(wrong) is None
    with pytest.raises(ValueError, match="hexadecimal"):
        code_of("demo-rider", b"x" * 16)


def test_what_a_code_is_worth() -> None:
    code = code_of(RIDER, b"x" * 16)
    made = invite(RIDER, code, "admin-1", NOW)
    assert code not in repr(made)
    assert judge(made, code, NOW + VALID - timedelta(seconds=1)) == "good"
    assert judge(made, code, NOW + VALID) == "expired"
    assert judge(replace(made, used_at=NOW), code, NOW) == "used"
    assert judge(made, code_of(RIDER, b"y" * 16), NOW) == "unknown"
    assert judge(None, code, NOW) == "unknown"


@pytest.mark.parametrize(
    ("who", "role", "communities", "subdistrict", "may"),
    [
        (account(), "administrator", (), HERE, True),
        (department(), "administrator", (), HERE, True),
        (account(), "administrator", (), THERE, False),
        (account(status="left"), "administrator", (), HERE, False),
        (account(), "staff", ("140302003001",), HERE, True),
        (account(), "staff", (), HERE, True),
        (account(), "staff", ("140302003002",), HERE, False),
        (staff(), "staff", (), HERE, False),  # a link is a login: staff must not make one for themselves elsewhere
        (replace(account(), role="administrator"), "staff", (), HERE, False),
        (account(), "rider", (), HERE, False),
        (account(), "lead", (), HERE, False),
    ],
)
def test_who_may_invite_whom(
    who: Account, role: str, communities: tuple[str, ...], subdistrict: str, may: bool
) -> None:
    assert may_invite(who, role, subdistrict, communities) is may


class Entrance:
    """A lane with one rider who may log in."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store, self.lane = store, lane
        self.put(account(RIDER, login=Login("https://id.example", "subject-1")))

    def put(self, one: Account) -> None:
        version = self.store.documents.get(ACCOUNTS.ref(one.id), {"version": 0})["version"] + 1
        self.store.documents[ACCOUNTS.ref(one.id)] = {**ACCOUNTS.dump(one), "version": version}

    async def invite(self, secret: bytes = b"x" * 16) -> str:
        code = code_of(RIDER, secret)
        await self.lane.submit(InviteAccount(DESK, RIDER, code, "admin-1", "administrator", HERE, ()))
        return code

    async def enter(self, code: str) -> Session:
        _, opened = await self.lane.submit(OpenByInvite(DESK, RIDER, code, Device(new_id(), "app", "phone")))
        return opened

    async def log_in(self, secret: bytes = b"x" * 16) -> Session:
        return await self.enter(await self.invite(secret))

    async def refresh(self, one: Session, generation: int) -> str:
        return (await self.lane.submit(RefreshSession(DESK, one.id, generation)))[0]

    def stored(self, one: Session) -> Session:
        return SESSIONS.load(self.store.documents[SESSIONS.ref(one.id)])


@pytest.fixture
async def entrance() -> AsyncIterator[Entrance]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Entrance(store, lane)


async def refused(entrance: Entrance, code: str) -> str:
    with pytest.raises(LoginRefused) as error:
        await entrance.enter(code)
    assert error.value.status == 401
    return error.value.problem_code


async def test_an_invitation_is_used_once_and_a_new_one_ends_the_older(entrance: Entrance) -> None:
    older, newer = await entrance.invite(b"x" * 16), await entrance.invite(b"y" * 16)
    assert await refused(entrance, older) == "invite-unknown"
    assert (await entrance.enter(newer)).account == RIDER
    assert await refused(entrance, newer) == "invite-used"
    assert not [code for code in (older, newer) if code in repr(entrance.store.documents)]


async def test_whoever_has_left_does_not_enter(entrance: Entrance) -> None:
    code = await entrance.invite()
    entrance.put(account(RIDER, status="left"))
    assert await refused(entrance, code) == "login-left"
    entrance.put(account(RIDER, status="active"))
    await entrance.enter(code)  # the refusal has not used it up
    with pytest.raises(NotFound):
        await entrance.lane.submit(InviteAccount(DESK, "nobody", "code", "a", "administrator", HERE, ()))


async def test_a_copied_token_ends_the_session_and_that_is_stored(entrance: Entrance) -> None:
    one = await entrance.log_in()
    assert [await entrance.refresh(one, generation) for generation in (1, 1, 2)] == ["rotated", "repeated", "rotated"]
    assert await entrance.refresh(one, 1) == "reused"
    assert entrance.stored(one).ended_because == "reused"
    assert await entrance.refresh(one, 3) == "ended"
    assert await entrance.refresh(replace(one, id="nothing"), 1) == "unknown"


async def test_leaving_ends_the_session_at_the_next_refresh(entrance: Entrance) -> None:
    one = await entrance.log_in()
    for status in ("left", "forgotten"):
        entrance.put(account(RIDER, status=status))
        assert await entrance.refresh(one, 1) in ("left", "ended")
    assert entrance.stored(one).ended_because == "left"


async def test_a_new_scope_comes_with_the_next_refresh(entrance: Entrance) -> None:
    one = await entrance.log_in()
    entrance.put(account(RIDER, squad="squad-9"))
    _, _, found = await entrance.lane.submit(RefreshSession(DESK, one.id, 1))
    assert found is not None
    assert found.squad == "squad-9"


async def test_logging_out_here_and_everywhere(entrance: Entrance) -> None:
    one, two, three = [await entrance.log_in(bytes([n]) * 16) for n in range(3)]
    await entrance.lane.submit(EndSession(DESK, RIDER, one.id))
    await entrance.lane.submit(EndSession(DESK, RIDER, one.id))
    assert await entrance.refresh(one, 1) == "ended"
    with pytest.raises(NotFound):
        await entrance.lane.submit(EndSession(DESK, "somebody", two.id))
    assert await entrance.lane.submit(EndSessions(DESK, RIDER)) == 2
    assert [await entrance.refresh(other, 1) for other in (two, three)] == ["ended", "ended"]
    assert await entrance.lane.submit(EndSessions(DESK, RIDER)) == 0
    assert await entrance.lane.submit(EndSessions(DESK, "somebody")) == 0


async def test_the_device_used_longest_ago_makes_room(entrance: Entrance) -> None:
    sessions = [await entrance.log_in(bytes([n]) * 16) for n in range(MOST_DEVICES + 2)]
    opened = [one for one in sessions if entrance.stored(one).ended_at is None]
    assert len(opened) == MOST_DEVICES
    assert sessions[-1] in opened
    assert len(DEVICES.load(entrance.store.documents[DEVICES.ref(RIDER)]).sessions) == MOST_DEVICES
    over = next(one for one in sessions if one not in opened)
    assert entrance.stored(over).ended_because == "too many devices"


async def test_an_id_token_opens_one_session(entrance: Entrance) -> None:
    login = Login("https://id.example", "subject-1")

    def opening(who: Login = login, nonce: str = "nonce-1") -> OpenByLogin:
        return OpenByLogin(DESK, RIDER, who, nonce, NOW + timedelta(minutes=5), Device(new_id(), "web", ""))

    assert (await entrance.lane.submit(opening()))[1].account == RIDER
    with pytest.raises(LoginRefused) as again:
        await entrance.lane.submit(opening())
    assert again.value.problem_code == "login-used"
    assert (await entrance.lane.submit(opening(nonce="nonce-2")))[1].client == "web"
    with pytest.raises(LoginRefused) as other:
        await entrance.lane.submit(opening(Login("https://id.example", "subject-2"), "nonce-3"))
    assert other.value.problem_code == "login-unknown"


@pytest.fixture
def tokens(tmp_path: Path) -> tuple[SessionTokens, TokenVerifier]:
    signer = Signer("session-1")
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    key = signer.write_private_key(tmp_path / "session.pem")
    verifier = TokenVerifier(read_jwks(signer.write_jwks(tmp_path / "jwks.json")), ISSUER, AUDIENCE)
    return SessionTokens(key, "session-1", secret, ISSUER, AUDIENCE), verifier


def now() -> datetime:
    return datetime.now(NOW.tzinfo)


def test_every_service_believes_an_access_token(tokens: tuple[SessionTokens, TokenVerifier]) -> None:
    made, verifier = tokens
    captain = made.access(session(), account(RIDER, captain=True), now())
    assert verifier.verify(captain) == Principal(RIDER, Role.RIDER, HERE, squad="squad-1", captain=True, session="s1")
    clerk = made.access(session(client="web"), staff(), now())
    assert verifier.verify(clerk) == Principal(
        "staff-1", Role.STAFF, HERE, ("140302003001", "140302003002"), session="s1", csrf=made.csrf("s1")
    )
    assert verifier.verify(made.access(session(), department(), now())).department == "water"
    claims = jwt.decode(captain, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert not {"张三", "13812345678", "A-0001"} & {str(value) for value in claims.values()}


def test_a_refresh_token_is_the_same_each_time_and_no_access_token(tokens: tuple[SessionTokens, TokenVerifier]) -> None:
    made, _ = tokens
    one = session(generation=4)
    assert made.read(made.refresh(one)) == ("s1", 4)
    assert made.refresh(one) == made.refresh(ended(one, "x", NOW))
    assert made.csrf("s1") != made.csrf("s2")


def test_a_short_secret_and_a_wrong_key_are_named(tmp_path: Path) -> None:
    key = Signer().write_private_key(tmp_path / "session.pem")
    short = tmp_path / "short"
    short.write_bytes(b"too short\n")
    with pytest.raises(ValueError, match="short: a secret needs"):
        SessionTokens(key, "session-1", short, ISSUER, AUDIENCE)
