"""Accounts: the table of statuses, keys that belong to one person only, and what the others are told."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from services.intake.accounts import KEYS, AccountChange, ChangeAccount, KeyTaken, put_account
from services.intake.domain.account import (
    MOVES,
    Account,
    AccountStatus,
    Login,
    faults_of,
    forgotten,
    keys_of,
    moved,
    normal_phone,
    scopes_of,
)
from services.intake.domain.sight import Sight, sees, shows_phone, sight_of
from services.intake.store import ACCOUNTS
from shared.context import Context
from shared.contracts.account_changed import AccountChanged
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.people import HERE, THERE, account, department, staff

CONTEXT = Context("administrator:admin-1", "c-1")
STATUSES = get_args(AccountStatus)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_the_table_is_the_rule(before: AccountStatus, after: AccountStatus) -> None:
    one = account(status=before)
    if before == after or (before, after) in MOVES:
        assert moved(one, after).status == after
    else:
        with pytest.raises(Conflict, match=f"{before} does not become {after}"):
            moved(one, after)


def test_every_move_has_its_reason_and_nothing_leads_out_of_forgotten() -> None:
    assert all(len(reason) > 5 for reason in MOVES.values())
    assert not [move for move in MOVES if move[0] == "forgotten"]
    assert {before for before, after in MOVES if after == "forgotten"} == {"trainee", "active", "left"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13812345678", "13812345678"),
        ("138 1234 5678", "13812345678"),
        ("+86 138-1234-5678", "13812345678"),
        ("008613812345678", "13812345678"),
        ("8613812345678", "13812345678"),
        ("１３８１２３４５６７８", "13812345678"),
        ("(0353) 2123456", "03532123456"),
        ("12812345678", None),
        ("1381234567", None),
        ("138123456789", None),
        ("", None),
        ("张三", None),
    ],
)
def test_a_telephone_number_has_one_form(text: str, number: str | None) -> None:
    assert normal_phone(text) == number


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (account(captain=True, squad=None), "squad"),
        (account(partner=None), "partner"),
        (account(department="water"), "department"),
        (account(communities=("140302003001",)), "communities"),
        (staff(communities=()), "communities"),
        (staff(squad="squad-1"), "squad"),
        (department(department=None), "department"),
    ],
)
def test_what_contradicts_the_role_is_named(wrong: Account, field: str) -> None:
    assert [name for name, _ in faults_of(wrong)] == [field]


def test_where_a_role_holds() -> None:
    assert scopes_of(account()) == ("140302003001",)
    assert scopes_of(staff()) == ("140302003001", "140302003002")
    assert scopes_of(department()) == ("water",)
    assert scopes_of(replace(staff(), role="lead", communities=())) == (HERE,)
    assert scopes_of(forgotten(account())) == ()


def test_forgotten_is_an_id_without_a_person() -> None:
    one = account(login=Login("https://id.example", "s-1"), captain=True)
    gone = forgotten(one)
    assert gone == Account(one.id, one.subdistrict, "rider", "forgotten", None, made_at=one.made_at)
    assert keys_of(gone) == ()
    assert forgotten(gone) == gone


@pytest.mark.parametrize(
    ("sight", "ids"),
    [
        (sight_of("x", "lead", HERE, (), None, False), {"r1", "r2", "r3", "s1", "d1"}),
        (sight_of("x", "administrator", HERE, (), None, False), {"r1", "r2", "r3", "s1", "d1"}),
        (sight_of("x", "staff", HERE, ("140302003001",), None, False), {"r1", "r3", "s1"}),
        (sight_of("x", "staff", HERE, (), None, False), {"r1", "r2", "r3", "s1", "d1"}),
        (sight_of("r1", "rider", HERE, (), "squad-1", True), {"r1", "r3"}),
        (sight_of("r1", "rider", HERE, (), None, True), {"r1"}),
        (sight_of("r1", "rider", HERE, (), "squad-1", False), {"r1"}),
        (sight_of("d1", "department", HERE, (), None, False), {"d1"}),
        (sight_of("o1", "operator", HERE, (), None, False), set()),
        (sight_of("x", "lead", THERE, (), None, False), {"r9"}),
    ],
)
def test_who_is_in_sight(sight: Sight, ids: set[str]) -> None:
    everyone = [
        account("r1"),
        account("r2", squad="squad-2", community="140302003002"),
        account("r3"),
        account("r9", subdistrict=THERE),
        staff("s1"),
        department("d1"),
        forgotten(account("gone")),
    ]
    assert {one.id for one in everyone if sees(sight, one)} == ids


def test_a_captain_sees_his_own_telephone_number_only() -> None:
    captain = sight_of("r1", "rider", HERE, (), "squad-1", True)
    assert (shows_phone(captain, account("r1")), shows_phone(captain, account("r3"))) == (True, False)
    assert shows_phone(sight_of("x", "staff", HERE, ("140302003001",), None, False), account("r3"))


class Put:
    """Write an account as it is given."""

    def __init__(self, after: Account, before: Account | None = None) -> None:
        self.after, self.before = after, before

    def reads(self) -> list[Ref]:
        both = [one for one in (self.before, self.after) if one]
        return [ACCOUNTS.ref(self.after.id), *(Ref(KEYS, key) for one in both for key in keys_of(one))]

    def decide(self, work: Work) -> int:
        return put_account(work, ACCOUNTS, self.before, self.after, CONTEXT)[1]


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def lane(store: MemoryTransactor) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane


def events(store: MemoryTransactor) -> list[AccountChanged]:
    found = [message.data for _, message in published(store, "account-changed")]
    assert all(isinstance(data, AccountChanged) for data in found)
    return [data for data in found if isinstance(data, AccountChanged)]


async def test_every_change_is_told_in_order_and_without_the_person(store: MemoryTransactor, lane: Lane) -> None:
    one = account(captain=True)
    await lane.submit(Put(one))
    await lane.submit(Put(replace(one, status="left"), one))
    told = published(store, "account-changed")
    assert [message.envelope.sequence for _, message in told] == [1, 2]
    assert [message.envelope.partition_key for _, message in told] == [one.id, one.id]
    assert events(store)[0] == AccountChanged(
        subdistrict=HERE,
        account=one.id,
        role="rider",
        status="active",
        scopes=("140302003001",),
        squad="squad-1",
        captain=True,
        community="140302003001",
        partner="platform-a",
    )
    assert events(store)[1].status == "left"
    wire = b"".join(bytes(row["value"]) for row in store.rows)
    assert not any(secret.encode() in wire for secret in ("张", "138", "A-0001"))


async def test_nothing_changed_is_nothing_written(store: MemoryTransactor, lane: Lane) -> None:
    one = account()
    assert await lane.submit(Put(one)) == 1
    assert await lane.submit(Put(one, one)) == 1
    assert len(store.rows) == 1


async def test_a_telephone_number_belongs_to_one(store: MemoryTransactor, lane: Lane) -> None:
    one, two = account("one"), account("two", number="A-0002")
    await lane.submit(Put(one))
    with pytest.raises(KeyTaken, match="phone"):
        await lane.submit(Put(two))
    assert store.documents.get(ACCOUNTS.ref("two")) is None
    await lane.submit(Put(forgotten(one), one))
    assert not [ref for ref in store.documents if ref.collection == KEYS]
    await lane.submit(Put(two))
    assert store.documents[Ref(KEYS, "phone:13812345678")]["account"] == "two"


def change(
    id_: str = "r1", expected: int = 1, actor: str = "admin-1", subdistrict: str = HERE, **wish: Any
) -> ChangeAccount:
    return ChangeAccount(ACCOUNTS, id_, subdistrict, AccountChange(**wish), expected, actor, CONTEXT)


async def test_a_change_with_the_version_seen(store: MemoryTransactor, lane: Lane) -> None:
    await lane.submit(Put(account("r1")))
    after, version = await lane.submit(change(squad="squad-2", captain=True))
    assert (after.squad, after.captain, version) == ("squad-2", True, 2)
    # its answer was lost: sent again, it is answered alike and nothing is told twice
    assert await lane.submit(change(squad="squad-2", captain=True)) == (after, 2)
    assert len(store.rows) == 2
    with pytest.raises(Conflict, match="is at 2 by now"):
        await lane.submit(change(squad="squad-3"))
    cleared, _ = await lane.submit(change(expected=2, squad="", captain=False, login=Login("https://id.example", "s")))
    assert (cleared.squad, cleared.login) == (None, Login("https://id.example", "s"))
    assert Ref(KEYS, "login:https://id.example|s") in store.documents


async def test_what_a_change_may_not(store: MemoryTransactor, lane: Lane) -> None:
    await lane.submit(Put(account("r1")))
    await lane.submit(Put(staff("s1")))
    await lane.submit(Put(forgotten(account("gone"))))
    for id_, subdistrict in (("r1", THERE), ("nobody", HERE), ("gone", HERE)):
        with pytest.raises(NotFound):
            await lane.submit(change(id_, subdistrict=subdistrict, status="left"))
    with pytest.raises(Forbidden, match="his own"):
        await lane.submit(change("s1", actor="s1", role="administrator", communities=()))
    with pytest.raises(Forbidden, match="his own"):
        await lane.submit(change("s1", actor="s1", status="left"))
    with pytest.raises(Invalid, match="communities"):
        await lane.submit(change("s1", communities=()))
    await lane.submit(change("s1", role="lead", communities=()))
    assert ACCOUNTS.load(store.documents[ACCOUNTS.ref("s1")]).changed_at == NOW
