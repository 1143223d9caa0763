"""The right to be forgotten, over four real databases: nothing names the person, nothing brings him back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ops.check import ledger_rules
from ops.check.snapshot import Snapshot
from services.intake.domain.invite import invite
from services.intake.domain.session import Devices, open_session
from services.intake.people_store import MongoForgettings
from services.intake.photo_store import MongoPhotos
from services.intake.store import DEVICES, INVITES, SESSIONS
from shared.clock import system_clock
from shared.contracts.topics import POINTS_AWARDED
from shared.mongo import forgetting
from shared.mongo.inbox import HELD_KEYS
from shared.mongo.person import GRACE, SETTLE
from shared.mongo.work import Ref
from shared.scope import Scope
from tests.support import people
from tests.support.intaking import photo
from tests.support.pointing import Ledger
from tests.support.quarter import HERE, PSEUDONYMS, PutAccount, Quarter, quarter
from tests.support.stack import Stack

ANNA, BERT = "01990d11-0000-7aaa-8bbb-c0ffee000001", "01990d11-0000-7aaa-8bbb-c0ffee000002"
GONE = PSEUDONYMS.of(ANNA)
NAME, PHONE = "王小芳", "13987654321"
TRACES = (ANNA, NAME, PHONE)
OFFICE = Scope("admin-1", "administrator:admin-1", HERE)


@pytest.fixture
async def house(stack: Stack) -> AsyncIterator[Quarter]:
    async with quarter(stack) as opened:
        yield opened


async def lived(house: Quarter) -> tuple[str, str]:
    """Anna has an account, a session, an invitation, photos, a resolved and an open incident; Bert reports too."""
    account = people.account(ANNA, name=NAME, phone=PHONE)
    other = people.account(BERT, phone="13811112222", number="A-0002")
    intake = house.services["intake"]
    await intake.lane.submit(PutAccount(account))
    await intake.lane.submit(PutAccount(other))
    now = system_clock()
    session = open_session("session-1", ANNA, "app", f"{NAME}的手机", now)
    for document, name in (
        (SESSIONS.dump(session), "sessions"),
        (DEVICES.dump(Devices(ANNA, ("session-1",))), "devices"),
        (INVITES.dump(invite(ANNA, "code", "admin-1", now)), "invites"),
    ):
        intake.store.put(name, {**document, "version": 1})
    photos = MongoPhotos(intake.store.database)
    for id_ in ("p1", "p2"):
        await photos.put(photo(id_, f"rider:{ANNA}"), b"jpeg", b"thumb")
    fixed = await house.report(ANNA, f"我是{NAME}，电话{PHONE}", ("p1",))
    await house.report(BERT, "我也看到了")
    await house.fix(fixed)
    waiting = await house.report(ANNA, f"{NAME}又来了", ("p2",))
    notify = house.services["notify"]
    notify.store.put("read_marks", {"_id": f"rider:{ANNA}|{ANNA}", "up_to": 1, "version": 1})
    return fixed, waiting


async def check_books(house: Quarter, balance: int, account: str) -> None:
    """The sums and every chain hold, by the functions of `ops check`; the passbook stands under the pseudonym."""
    ledger = await Ledger.read(house.services["points"].store.database)
    ledger.check()
    snapshot = Snapshot(system_clock() + timedelta(days=400), passbooks=tuple(ledger.passbooks.values()))
    found = Snapshot(snapshot.taken_at, passbooks=snapshot.passbooks, entries=tuple(ledger.entries))
    assert ledger_rules.ledger(found) == (len(ledger.entries), [])
    assert ledger.passbooks[GONE].balance == balance
    assert ledger.passbooks[GONE].account == account


async def account_of(house: Quarter, rider: str) -> tuple[int, str]:
    book = (await Ledger.read(house.services["points"].store.database)).passbooks[rider]
    return book.balance, book.account


async def test_nothing_of_a_forgotten_person_is_left_in_any_database(house: Quarter) -> None:
    await lived(house)
    before = {(service, collection) for service, collection, _ in house.naming(*TRACES)}
    assert {"intake", "dispatch", "points", "notify"} == {service for service, _ in before}
    assert {("intake", "photos"), ("points", "entries"), ("notify", "messages"), ("dispatch", "incidents")} <= before
    balance, account = await account_of(house, ANNA)
    assert balance == 5
    bert = await account_of(house, BERT)

    await house.forget(ANNA)

    assert house.naming(*TRACES) == []
    await check_books(house, balance, account)
    assert await account_of(house, BERT) == bert
    state = await MongoForgettings(house.services["intake"].store.database).find(OFFICE, GONE)
    assert state is not None
    assert state.complete, state.done
    assert state.kafka_until - state.asked_at >= timedelta(days=90)


async def test_old_events_delivered_again_change_nothing_and_bring_nobody_back(house: Quarter) -> None:
    await lived(house)
    await house.forget(ANNA)
    before = sorted((s, c, repr(d)) for s, c, d in house.documents() if c != "leases")
    await house.deliver_all_again()
    await house.carry()
    assert house.naming(*TRACES) == []
    assert sorted((s, c, repr(d)) for s, c, d in house.documents() if c != "leases") == before


async def test_what_happens_afterwards_is_done_under_the_pseudonym(house: Quarter) -> None:
    _, waiting = await lived(house)
    balance, account = await account_of(house, ANNA)
    await house.forget(ANNA)
    told = len([d for s, c, d in house.documents() if (s, c) == ("notify", "messages")])
    await house.fix(waiting)
    assert house.naming(*TRACES) == []
    await check_books(house, balance + 5, account)
    awarded = [d for d in house.wire if d.topic == POINTS_AWARDED.name][-1]
    assert awarded.key == GONE.encode()
    texts = [d for s, c, d in house.documents() if (s, c) == ("notify", "messages")]
    assert all("rider:" not in copy["audience"] for d in texts[told:] for copy in d["to"])


async def test_events_in_flight_while_he_is_being_forgotten_wait_and_lose_nothing(house: Quarter) -> None:
    """A repair is told just after the announcement: it pays once, under the pseudonym, when the books are renamed."""
    _, waiting = await lived(house)
    balance, account = await account_of(house, ANNA)
    await house.ask(ANNA)
    await house.carry()
    await house.fix(waiting)
    points = house.services["points"]
    assert points.store.behind[points.store.place.name][HELD_KEYS].count_documents({}) == 1
    assert await account_of(house, ANNA) == (balance, account)
    await house.pass_time(GRACE + timedelta(seconds=1))
    await house.pass_time(SETTLE)
    assert points.store.behind[points.store.place.name][HELD_KEYS].count_documents({}) == 0
    assert house.naming(*TRACES) == []
    await check_books(house, balance + 5, account)


class Killed(BaseException):
    """The process ends here."""


async def test_killed_between_any_two_steps_it_goes_on_to_the_same_end(
    house: Quarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(house)
    balance, account = await account_of(house, ANNA)
    await house.ask(ANNA)
    await house.carry()
    kills = 0

    async def step_killed_at(service: Any, place: int) -> bool:
        passed = 0

        def die(point: str) -> None:
            nonlocal passed
            passed += 1
            if passed == place:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(forgetting, "crash_point", die)
            try:
                await service.forgetting.step()
            except Killed:
                return True
        return False

    for much in (GRACE + timedelta(seconds=1), SETTLE):
        house.later += much
        for service in house.services.values():
            # each time it gets one document further
            while await step_killed_at(service, 2):
                kills += 1
            await service.forgetting.step()
            await service.forgetting.step()
        await house.retry()
        await house.carry()
    assert kills > 10
    assert house.naming(*TRACES) == []
    await check_books(house, balance, account)
    state = await MongoForgettings(house.services["intake"].store.database).find(OFFICE, GONE)
    assert state is not None
    assert state.complete, state.done


async def test_a_token_that_still_works_leaves_nothing_behind(house: Quarter) -> None:
    """He reports again after his documents were renamed, and before his access token has run out."""
    await lived(house)
    await house.ask(ANNA)
    await house.carry()
    await house.pass_time(GRACE + timedelta(seconds=1))
    late = await house.report(ANNA, f"{NAME}还在")
    assert house.services["dispatch"].store.get(Ref("incidents", late)) is not None
    await house.pass_time(SETTLE)
    await house.pass_time(timedelta(seconds=3))
    assert house.naming(*TRACES) == []
