"""Accounts on a real MongoDB and over HTTP: two processes at once, scopes as queries, and logins that are counted."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from prometheus_client import CollectorRegistry

from ops.local import plan
from ops.local.state import REPOSITORY
from ops.people import PeopleRefused, settle
from services.intake import accounts_api, sessions_api
from services.intake.accounts_api import MOST_IDS, Office
from services.intake.domain.account import Account, Login, forgotten, keys_of
from services.intake.domain.invite import code_of
from services.intake.domain.roster import Places
from services.intake.domain.sight import sees, sight_of
from services.intake.issuers import IdTokens
from services.intake.logins import LoginLimits, client_of, counters
from services.intake.metrics import AccountMetrics
from services.intake.people_store import MongoPeople
from services.intake.policy import ACCOUNTS as ACCOUNT_ROUTES
from services.intake.policy import SESSIONS
from services.intake.sessions_api import Door
from services.intake.store import ACCOUNTS, COLLECTIONS
from services.intake.tokens import SessionTokens
from shared.clock import system_clock
from shared.ids import new_id
from shared.metrics import Metrics
from shared.mongo.lane import Lane
from shared.scope import Scope
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from tests.support.issuing import NONCE, LittleIssuer, issuing
from tests.support.lanes import running
from tests.support.people import DESK, HERE, THERE, account, department, staff
from tests.support.serving import rows_of, served
from tests.support.stack import REFERENCE, Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer, bearer
from tests.unit.test_intake_roster import CHINESE, PLACES, as_csv, as_xlsx

SIGNER = Signer()
ONE, TWO = "140302003001", "140302003002"
ADMIN = bearer(SIGNER.token("administrator", "admin-1"))
CLERK = bearer(SIGNER.token("staff", "clerk-1", communities=[ONE]))
LEAD = bearer(SIGNER.token("lead", "lead-1"))
OUTSIDE = bearer(SIGNER.token("administrator", "admin-9", subdistrict=THERE))
RIDER = bearer(SIGNER.token("rider", "r1"))
CAPTAIN = bearer(SIGNER.token("rider", "r1", squad="squad-1", captain=True))


@dataclass(frozen=True)
class StubPlaces:
    known: dict[str, Places] = field(default_factory=lambda: {HERE: PLACES, THERE: PLACES})

    def places(self, subdistrict: str) -> Places | None:
        return self.known.get(subdistrict)


class House:
    """Two intake apis on one database."""

    def __init__(self, store: MongoStore, folder: Path, issuer: LittleIssuer, asking: httpx2.AsyncClient) -> None:
        self.store, self.issuer = store, issuer
        self.people = MongoPeople(store.database)
        secret = folder / "secret"
        secret.write_bytes(b"0123456789abcdef0123456789abcdef")
        key = SIGNER.write_private_key(folder / "key.pem")
        self.tokens = SessionTokens(key, SIGNER.key_id, secret, ISSUER, AUDIENCE)
        self.verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(folder / "jwks.json")), ISSUER, AUDIENCE)
        self.id_tokens = IdTokens((issuer.configured(),), asking)
        self.client: httpx2.AsyncClient
        self.twin: httpx2.AsyncClient

    @asynccontextmanager
    async def api(self, limits: LoginLimits) -> AsyncIterator[httpx2.AsyncClient]:
        async with running(self.store.transactor) as lane, served(self.app(lane, limits)) as client:
            yield client

    def app(self, lane: Lane, limits: LoginLimits) -> Any:
        metrics, counted = Metrics("intake", "api", "r"), AccountMetrics(CollectorRegistry())
        office = Office(
            lane,
            DESK,
            self.people,
            StubPlaces(),
            counted,
            "https://front.example/",
            new_id,
            lambda n: uuid.uuid4().bytes[:n],
        )
        door = Door(
            lane, DESK, self.people, self.tokens, self.id_tokens, limits, counted, system_clock, new_id, secure=True
        )
        routers = [accounts_api.router(office), sessions_api.router(door)]
        return create(
            "intake",
            metrics=metrics,
            checks={},
            routers=routers,
            policy=rows_of(SESSIONS | ACCOUNT_ROUTES, *routers),
            verifier=self.verifier,
        )

    def put(self, *accounts: Account) -> None:
        for one in accounts:
            self.store.put("accounts", {**ACCOUNTS.dump(one), "version": 1})
            for key in keys_of(one):
                self.store.put("account_keys", {"_id": key, "account": one.id, "version": 1})

    async def ask(self, method: str, path: str, who: dict[str, str], status: int = 200, **more: Any) -> Any:
        answer = await self.client.request(method, path, headers=who, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def invited(self, id_: str) -> str:
        made = await self.ask("POST", f"/v1/accounts/{id_}/invites", ADMIN, 201)
        return str(made["link"].partition("#invite=")[2])

    async def enter(self, code: str, client: str = "app", api: httpx2.AsyncClient | None = None) -> httpx2.Response:
        body = {"invite": code, "client": client, "device": "手机"}
        return await (api or self.client).post("/v1/sessions", json=body)


GENEROUS = RateLimitItemPerMinute(1_000)


@pytest.fixture
async def house(stack: Stack, tmp_path: Path) -> AsyncIterator[House]:
    limits = LoginLimits(MemoryStorage(), GENEROUS, GENEROUS)
    async with in_mongo(stack, COLLECTIONS) as store, issuing() as issuer, httpx2.AsyncClient() as asking:
        made = House(store, tmp_path, issuer, asking)
        async with made.api(limits) as made.client, made.api(limits) as made.twin:
            yield made


RIDER_ID = str(uuid.UUID(int=7))
MINE = Scope(RIDER_ID, f"rider:{RIDER_ID}", HERE)


async def test_an_invitation_is_redeemed_once_by_twenty_at_two_apis(house: House) -> None:
    house.put(account(RIDER_ID))
    code = await house.invited(RIDER_ID)
    tries = [house.enter(code, api=api) for api in [house.client, house.twin] * 10]
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19
    assert {answer.json().get("code") for answer in answers if answer.status_code == 401} == {"invite-used"}
    assert len(await house.people.sessions(MINE, system_clock())) == 1
    assert code not in repr(
        [list(house.store.behind[house.store.place.name][name].find()) for name in ("invites", "sessions")]
    )


async def test_what_an_invitation_looks_like(house: House) -> None:
    ids = [str(uuid.uuid4()) for _ in range(3)]
    house.put(account(ids[0]), staff(ids[1]), department(ids[2]))
    for id_, page in zip(ids, ("r", "desk", "d"), strict=True):
        made = await house.ask("POST", f"/v1/accounts/{id_}/invites", ADMIN, 201)
        assert made["link"].startswith(f"https://front.example/{page}#invite=")
        assert made["qr_svg"].startswith("<svg")
    await house.ask("POST", f"/v1/accounts/{ids[0]}/invites", CLERK, 201)
    for id_, who in ((ids[1], CLERK), (ids[0], OUTSIDE), ("nobody", ADMIN), (str(uuid.uuid4()), ADMIN)):
        await house.ask("POST", f"/v1/accounts/{id_}/invites", who, 404)
    for who in (RIDER, LEAD):
        await house.ask("POST", f"/v1/accounts/{ids[0]}/invites", who, 403)


async def test_a_session_of_an_app_from_login_to_logout(house: House) -> None:
    house.put(account(RIDER_ID, captain=True))
    opened = (await house.enter(await house.invited(RIDER_ID))).json()
    assert (opened["account_id"], opened["expires_in"]) == (RIDER_ID, 600)
    me = await house.ask("GET", "/v1/me", bearer(opened["access_token"]))
    assert (me["name"], me["phone"], me["squad"], me["captain"]) == ("张三", "13812345678", "squad-1", True)
    # both apis are asked with the same token at once, as a phone does that repeats
    body = {"refresh_token": opened["refresh_token"]}
    twins = await asyncio.gather(
        *(api.post("/v1/sessions/refresh", json=body) for api in [house.client, house.twin] * 5)
    )
    assert {answer.status_code for answer in twins} == {200}
    assert len({answer.json()["refresh_token"] for answer in twins}) == 1
    newer = twins[0].json()
    [device] = await house.ask("GET", "/v1/sessions", bearer(newer["access_token"]))
    assert (device["device"], device["client"], device["current"]) == ("手机", "app", True)
    again = await house.client.post("/v1/sessions/refresh", json={"refresh_token": newer["refresh_token"]})
    assert again.status_code == 200
    # the old one once more: a copy in other hands
    stolen = await house.client.post("/v1/sessions/refresh", json=body)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "session-ended")
    dead = await house.client.post("/v1/sessions/refresh", json={"refresh_token": again.json()["refresh_token"]})
    assert dead.status_code == 401
    assert await house.ask("GET", "/v1/sessions", bearer(newer["access_token"])) == []
    forged = await house.client.post("/v1/sessions/refresh", json={"refresh_token": f"{opened['session_id']}.9.x"})
    assert forged.status_code == 401


async def test_logging_out_everywhere(house: House) -> None:
    house.put(account(RIDER_ID))
    opened = [(await house.enter(await house.invited(RIDER_ID))).json() for _ in range(3)]
    first = bearer(opened[0]["access_token"])
    await house.ask("DELETE", "/v1/sessions/current", first, 204)
    assert len(await house.ask("GET", "/v1/sessions", first)) == 2
    assert await house.ask("DELETE", "/v1/sessions", first) == {"ended": 2}
    for one in opened:
        body = {"refresh_token": one["refresh_token"]}
        assert (await house.client.post("/v1/sessions/refresh", json=body)).status_code == 401
    await house.ask("DELETE", "/v1/sessions/current", RIDER, 404)


async def test_a_session_of_a_browser_is_in_cookies_no_script_reads(house: House) -> None:
    house.put(staff(RIDER_ID))
    answer = await house.enter(await house.invited(RIDER_ID), "web")
    assert (answer.json()["access_token"], answer.json()["refresh_token"]) == (None, None)
    lines = {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    cookies = {name: line.partition("=")[2].partition(";")[0] for name, line in lines.items()}
    for name, path, hidden in (
        ("qianshao_access", "/", True),
        ("qianshao_refresh", "/intake/v1/sessions", True),
        ("qianshao_csrf", "/", False),
    ):
        line = lines[name].lower()
        assert f"path={path};" in f"{line};"
        assert ("httponly" in line) is hidden
        assert "samesite=strict" in line
        assert "secure" in line
    cookie, csrf = (
        {"Cookie": "; ".join(f"{n}={v}" for n, v in cookies.items())},
        {"X-CSRF-Token": cookies["qianshao_csrf"]},
    )
    house.client.cookies.clear()
    assert (await house.ask("GET", "/v1/me", cookie))["id"] == RIDER_ID
    assert (await house.ask("DELETE", "/v1/sessions/current", cookie, 403))["code"] == "csrf"
    for wrong in ({}, {"X-CSRF-Token": "x"}):
        assert (await house.ask("POST", "/v1/sessions/refresh", {**cookie, **wrong}, 403))["code"] == "csrf"
    await house.ask("POST", "/v1/sessions/refresh", {**cookie, **csrf})
    await house.ask("DELETE", "/v1/sessions/current", {**cookie, **csrf}, 204)
    await house.ask("POST", "/v1/sessions/refresh", {**cookie, **csrf}, 401)


async def test_who_has_left_is_refused_at_the_next_refresh(house: House) -> None:
    house.put(account(RIDER_ID))
    opened = (await house.enter(await house.invited(RIDER_ID))).json()
    change = {"expected_version": 1, "status": "left"}
    await house.ask("PATCH", f"/v1/accounts/{RIDER_ID}", ADMIN, json=change)
    body = {"refresh_token": opened["refresh_token"]}
    assert (await house.client.post("/v1/sessions/refresh", json=body)).status_code == 401
    await house.ask("POST", f"/v1/accounts/{RIDER_ID}/invites", ADMIN, 404)


async def test_an_external_identity_logs_in_once_a_token(house: House) -> None:
    house.put(staff(RIDER_ID, login=Login("https://id.example", "subject-1")))
    body = {"id_token": house.issuer.token(), "nonce": NONCE, "client": "app"}
    answers = await asyncio.gather(*(api.post("/v1/sessions", json=body) for api in [house.client, house.twin] * 5))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 9
    fresh = {**body, "id_token": house.issuer.token(nonce="n" * 16, sub="stranger"), "nonce": "n" * 16}
    answer = await house.client.post("/v1/sessions", json=fresh)
    assert (answer.status_code, answer.json()["code"]) == (401, "login-unknown")
    for wrong in (
        {"client": "app"},
        {**body, "invite": "x"},
        {"id_token": "x", "client": "app"},
        {**body, "client": "tv"},
    ):
        assert (await house.client.post("/v1/sessions", json=wrong)).status_code == 422


EVERYONE = [
    account("r1"),
    account("r2", phone="13812345679", number="A-2", squad="squad-2", community=TWO),
    account("r3", phone="13812345670", number="A-3"),
    account("r9", phone="13812345671", number="A-9", subdistrict=THERE),
    staff("s1"),
    staff("s2", communities=(TWO,)),
    department("d1"),
    forgotten(account("gone")),
]


SIGHTS = [
    sight_of("x", "administrator", HERE, (), None, False),
    sight_of("x", "lead", HERE, (TWO,), None, False),
    sight_of("x", "staff", HERE, (ONE,), None, False),
    sight_of("r1", "rider", HERE, (), "squad-1", True),
    sight_of("r1", "rider", HERE, (), None, False),
    sight_of("gone", "rider", HERE, (), None, False),
    sight_of("d1", "department", HERE, (), None, False),
    sight_of("x", "staff", THERE, (), None, False),
    replace(sight_of("r1", "rider", HERE, (), "squad-1", True), communities=(TWO,)),
]


async def test_the_query_says_what_the_domain_says(house: House) -> None:
    house.put(*EVERYONE)
    for sight in SIGHTS:
        ids = {one.id for one in await house.people.seen(sight, [one.id for one in EVERYONE])}
        assert ids == {one.id for one in EVERYONE if sees(sight, one)}, sight


async def test_names_within_scope(house: House) -> None:
    house.put(*EVERYONE)
    path = "/v1/people?ids=" + ",".join(one.id for one in EVERYONE)

    async def seen(who: dict[str, str]) -> dict[str, str | None]:
        return {one["id"]: one["phone"] for one in await house.ask("GET", path, who)}

    assert set(await seen(CLERK)) == {"r1", "r3", "s1"}
    assert (await seen(CLERK))["r3"] == "13812345670"
    assert set(await seen(LEAD)) == {"r1", "r2", "r3", "s1", "s2", "d1"}
    assert await seen(CAPTAIN) == {"r1": "13812345678", "r3": None}
    assert await seen(RIDER) == {"r1": "13812345678"}
    assert set(await seen(OUTSIDE)) == {"r9"}
    assert await house.ask("GET", "/v1/people?ids=", RIDER) == []
    await house.ask("GET", "/v1/people?ids=" + ",".join(f"i{n}" for n in range(MOST_IDS + 1)), RIDER, 422)
    answer = await house.client.get(path, headers=LEAD)
    assert answer.headers["cache-control"] == "no-store"


async def test_accounts_by_pages(house: House) -> None:
    house.put(*EVERYONE)
    page = await house.ask("GET", "/v1/accounts?limit=4", ADMIN)
    rest = await house.ask("GET", f"/v1/accounts?limit=4&after={page['next']}", ADMIN)
    assert [one["id"] for one in page["accounts"] + rest["accounts"]] == ["d1", "r1", "r2", "r3", "s1", "s2"]
    assert rest["next"] is None
    riders = await house.ask("GET", "/v1/accounts?role=rider&squad=squad-1", CLERK)
    assert [one["id"] for one in riders["accounts"]] == ["r1", "r3"]
    await house.ask("GET", "/v1/accounts", RIDER, 403)
    await house.ask("GET", "/v1/me", ADMIN, 404)


async def test_a_change_over_http(house: House) -> None:
    house.put(*EVERYONE)
    wish = {"expected_version": 1, "squad": "squad-2", "captain": True, "community": TWO}
    changed = await house.ask("PATCH", "/v1/accounts/r1", ADMIN, json=wish)
    assert (changed["version"], changed["squad"], changed["captain"], changed["community"]) == (2, "squad-2", True, TWO)
    assert (await house.ask("PATCH", "/v1/accounts/r1", ADMIN, json=wish))["version"] == 2
    await house.ask("PATCH", "/v1/accounts/r1", ADMIN, 409, json={**wish, "squad": "squad-3"})
    for who, status in ((OUTSIDE, 404), (CLERK, 403), (RIDER, 403)):
        await house.ask("PATCH", "/v1/accounts/r1", who, status, json={**wish, "expected_version": 2, "squad": "s"})
    for wrong, name in (
        ({"community": "140302004001"}, "community"),
        ({"department": "fire"}, "department"),
        ({"status": "forgotten"}, "status"),
        ({"name": "李"}, "name"),
        ({"captain": True, "squad": ""}, "squad"),
    ):
        refused = await house.ask("PATCH", "/v1/accounts/r1", ADMIN, 422, json={"expected_version": 2, **wrong})
        assert [error["field"] for error in refused["errors"]] == [name]
    [row] = house.store.rows()
    assert row["topic"] == "account-changed"
    assert not any(secret.encode() in bytes(row["value"]) for secret in ("张三", "13812345678"))


def riders(count: int) -> Sequence[tuple[str, ...]]:
    names = "赵钱孙李周吴郑王冯陈"
    return [
        (
            f"{names[n % 10]}{names[n // 10 % 10]}",
            f"138{n:08d}",
            "骑手",
            "platform-a",
            f"A-{n:05d}",
            f"squad-{n % 9 + 1}",
            "是" if n < 9 else "",
            "大桥社区",
            "",
            "",
            "在岗",
        )
        for n in range(count)
    ]


async def test_a_roster_over_http(house: House) -> None:
    files = {"roster": ("名单.xlsx", as_xlsx([CHINESE, *riders(240)]))}
    tried = await house.ask("POST", "/v1/roster?dry_run=true", ADMIN, files=files)
    assert (tried["created"], tried["dry_run"], tried["rows"][0]["account"]) == (240, True, None)
    assert house.store.rows() == []
    done, again = [await house.ask("POST", "/v1/roster", ADMIN, files=files) for _ in range(2)]
    assert (done["created"], again["created"], again["unchanged"]) == (240, 0, 240)
    assert "不会被删除" in done["note"]
    assert len(house.store.rows()) == 240
    wrong = as_csv([CHINESE, ("张三", "12"), ("李四", "13812345679", "皇帝")])
    refused = await house.ask("POST", "/v1/roster", ADMIN, 422, files={"roster": ("a.csv", wrong)})
    assert [(error["row"], error["field"]) for error in refused["errors"]] == [(2, "phone"), (3, "role")]
    for who in (CLERK, LEAD, RIDER):
        await house.ask("POST", "/v1/roster", who, 403, files=files)


async def test_the_sample_people_come_in_through_the_front_door(house: House, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    clerk = ("李四", "13900000001", "staff", "", "", "", "", "", "大桥", "", "")
    roster.write_bytes(as_csv([CHINESE, *riders(3), clerk]))
    front, limits = FastAPI(), LoginLimits(MemoryStorage(), GENEROUS, GENEROUS)
    async with running(house.store.transactor) as lane:
        front.mount("/intake", house.app(lane, limits))
        async with served(front) as client:
            url, token = str(client.base_url).rstrip("/"), ADMIN["Authorization"].partition(" ")[2]
            taken, older = await settle(url, token, roster)
            again, links = await settle(url, token, roster)
            assert (taken["created"], again["unchanged"], set(links)) == (4, 4, {"staff", "rider"})
            assert older["rider"] != links["rider"]
            assert (await house.enter(links["staff"].partition("=")[2])).json()["role"] == "staff"
            roster.write_bytes(as_csv([CHINESE, ("李四", "1")]))
            with pytest.raises(PeopleRefused, match="phone"):
                await settle(url, token, roster)


@pytest.mark.slow
async def test_the_largest_roster_is_one_transaction_and_two_at_once_agree(house: House) -> None:
    files = {"roster": ("a.csv", as_csv([CHINESE, *riders(2_000)]))}
    answers = await asyncio.gather(
        *(api.post("/v1/roster", headers=ADMIN, files=files) for api in (house.client, house.twin))
    )
    assert {answer.status_code for answer in answers} <= {200, 503}
    await house.ask("POST", "/v1/roster", ADMIN, files=files)  # on a slow machine both may have been told 503
    retried = await house.ask("POST", "/v1/roster", ADMIN, files=files)
    assert (retried["unchanged"], retried["created"]) == (2_000, 0)
    assert len(house.store.rows()) == 2_000


async def test_an_operator_invites_the_first_administrator(house: House, stack: Stack) -> None:
    place = house.store.place
    around = plan.Surroundings(
        stack.state, REFERENCE, "", {"intake": place}, {"intake": ""}, {"intake_api": 1, "front": 8080}
    )
    environment = plan.environment("intake", plan.API, around)

    async def invite(*more: str) -> tuple[int, str]:
        words = ["--role", "administrator", "--subdistrict", HERE, "--name", "张三", *more]
        command = [sys.executable, "-m", "services.intake", "invite", *words]
        piped = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=REPOSITORY, stdout=piped, stderr=piped
        )
        out, err = await process.communicate()
        return process.returncode or 0, (out or err).decode()

    def code(printed: str) -> str:
        return next(line for line in printed.splitlines() if line.startswith("http")).partition("#invite=")[2]

    status, printed = await invite("--phone", "138 1234 5678")
    assert (status, "http://127.0.0.1:8080/desk#invite=" in printed, "█" in printed) == (0, True, True), printed
    status, again = await invite()
    assert (await house.enter(code(printed))).json()["code"] == "invite-unknown"
    opened = (await house.enter(code(again))).json()
    assert (opened["role"], opened["subdistrict"]) == ("administrator", HERE)
    assert len(house.store.rows()) == 1
    status, reason = await invite("--name", "李四", "--phone", "13812345678")
    assert (status, "phone" in reason, "138" in reason) == (1, True, False), reason


async def test_failed_logins_are_counted_in_mongodb_by_all_apis_together(house: House) -> None:
    house.put(account(RIDER_ID))
    good = await house.invited(RIDER_ID)
    place = house.store.place

    def limits() -> LoginLimits:
        return LoginLimits(counters(place.uri, place.name), RateLimitItemPerMinute(4), GENEROUS)

    async with house.api(limits()) as one, house.api(limits()) as two:
        guess = code_of(RIDER_ID, b"g" * 16)
        tried = [(await house.enter(guess, api=api)).status_code for api in (one, two, one, two, one)]
        assert tried == [401, 401, 401, 401, 429]
        barred = await house.enter(good, api=two)
        assert (barred.status_code, 0 < int(barred.headers["retry-after"]) <= 60) == (429, True)


async def test_all_failures_together_bar_everyone(house: House) -> None:
    limits = LoginLimits(MemoryStorage(), GENEROUS, RateLimitItemPerMinute(2))
    for address in ("1.1.1.1", "2.2.2.2"):
        await limits.admit(address)
        await limits.failed(address)
    async with house.api(limits) as api:
        assert (await house.enter("x", api=api)).status_code == 429


async def test_a_login_that_cannot_be_counted_is_refused(house: House) -> None:
    house.put(account(RIDER_ID))
    code = await house.invited(RIDER_ID)
    nowhere = counters("mongodb://127.0.0.1:1/?directConnection=true", "intake")
    async with house.api(LoginLimits(nowhere)) as api:
        answer = await house.enter(code, api=api)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (await house.enter(code)).status_code == 201  # and the invitation was not used up


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_who_an_address_stands_for(address: str, who: str) -> None:
    assert client_of(address) == who
