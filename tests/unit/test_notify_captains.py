"""Captains hear what waits for their word: whoever leads the squad now, and never about himself."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.notify.address_store import MEMBERS
from services.notify.domain.member import Member
from services.notify.domain.words import ACTIVITIES
from services.notify.members import FollowMember
from services.notify.store import BOOKS, MESSAGES, PLAN, SQUADS
from shared.mongo.lane import Lane
from shared.mongo.work import Ref
from shared.pseudonym import Person
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.notifying import SUBDISTRICT, hear, inboxes, recorded


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def lane(store: MemoryTransactor) -> AsyncIterator[Lane]:
    async with running(store) as lane:
        yield lane


def follow(
    id_: str, told: int = 1, squad: str | None = "squad-1", status: str = "active", **more: bool
) -> FollowMember:
    return FollowMember(
        MEMBERS, BOOKS, Member(id_, told, SUBDISTRICT, "rider", status, squad, more.get("captain", True))
    )


def leads(store: MemoryTransactor, squad: str = "squad-1") -> tuple[str, ...]:
    return SQUADS.load(store.documents[Ref("squads", squad)]).captains


def told(store: MemoryTransactor) -> list[str]:
    return [
        got.audience for got in inboxes(doc for ref, doc in store.documents.items() if ref.collection == "messages")
    ]


async def test_who_leads_a_squad_follows_the_accounts(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(follow("anna"))
    await lane.submit(follow("bert", captain=False))
    assert leads(store) == ("anna",)
    await lane.submit(follow("anna", 2, "squad-2"))
    assert (leads(store), leads(store, "squad-2")) == ((), ("anna",))
    await lane.submit(follow("anna", 1))
    assert leads(store, "squad-2") == ("anna",), "a change that comes late changes nothing"
    await lane.submit(follow("anna", 3, "squad-2", "suspended"))
    assert leads(store, "squad-2") == ()


async def test_in_one_batch_the_new_captain_hears_at_once(lane: Lane, store: MemoryTransactor) -> None:
    await asyncio.gather(
        lane.submit(follow("anna")), lane.submit(follow("anna", 2, "squad-2")), hear(lane, [recorded("squad-2")])
    )
    assert told(store) == ["rider:anna"]


async def test_nobody_is_asked_about_himself_nor_twice(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(follow("rider-1"))
    await hear(lane, [recorded("squad-1", "rider-1")])
    assert told(store) == []
    await lane.submit(follow("anna"))
    for _ in range(2):
        await hear(lane, [recorded("squad-1", "rider-1")])
    assert told(store) == [], "heard already: the inbox has the event"


async def test_the_message_says_what_and_not_who(lane: Lane, store: MemoryTransactor) -> None:
    await lane.submit(follow("anna"))
    await hear(lane, [recorded("squad-1")])
    (document,) = [doc for ref, doc in store.documents.items() if ref.collection == MESSAGES.collection]
    assert ACTIVITIES["help"].zh in document["zh"]["text"]
    assert "rider-1" not in repr(document)


def test_whoever_is_forgotten_leads_nothing() -> None:
    squad = {"_id": "squad-1", "captains": ["anna", "bert"], "version": 3}
    assert PLAN.treatments["squads"](squad, Person("anna", "p-anna")) == {**squad, "captains": ["bert"]}
