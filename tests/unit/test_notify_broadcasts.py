"""Notices: to whom a desk may write, when they go out, that each inbox has them once, and until when they can be taken back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from ops.reference.beidajie import DIRECTORY
from services.notify.audience_book import AudienceBook
from services.notify.broadcast_store import BROADCASTS
from services.notify.broadcasting import Broadcasting
from services.notify.broadcasts import PART, DecideBroadcast, WriteBroadcast, at
from services.notify.domain.broadcast import Broadcast, State, withdrawn
from services.notify.domain.telling import Urgency
from services.notify.domain.words import Words
from services.notify.rules import ReferenceNames
from services.notify.store import BOOKS
from shared.errors import Conflict, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.work import Ref
from shared.reference.load import load
from shared.scope import Scope
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.notifying import Got, inboxes
from tests.support.sending import Clock, Held

TOWN, HERE, THERE = "140302003", "140302003001", "140302003002"
ALL = Scope("l", "lead:l", TOWN, True)
OWN = Scope("s", "staff:s", TOWN, True, (HERE,))
GROUP = f"group:community-{HERE}"


def draft(*targets: str, communities: tuple[str, ...] = (HERE,)) -> Broadcast:
    words = Words("防汛提醒", "Storm warning")
    return Broadcast("b1", TOWN, communities, "staff:s", words, words, Urgency.URGENT, targets, State.DRAFT, NOW)


@dataclass
class Board:
    """Notices over a memory store, with a worker that can die."""

    store: MemoryTransactor
    lane: Lane
    people: list[str] = field(default_factory=lambda: [f"r{n:03d}" for n in range(3)])
    clock: Clock = field(default_factory=Clock)

    async def due(self, now: datetime) -> list[Broadcast]:
        found = self.store.documents.get(Ref("broadcasts", "b1"))
        one = BROADCASTS.load(found) if found else None
        open_ = (
            one is not None and one.state in (State.SCHEDULED, State.SENDING) and one.due is not None and one.due <= now
        )
        return [one] if one is not None and open_ else []

    async def riders(self, subdistrict: str, of: str) -> list[str]:
        return self.people

    async def decide(self, change: Any, scope: Scope = OWN) -> Broadcast:
        return await self.lane.submit(DecideBroadcast(BROADCASTS, "b1", scope, change))

    async def work(self) -> None:
        self.store.now = self.clock()
        lease = cast(Lease, Held())
        await Broadcasting(self.lane, BROADCASTS, BOOKS, self, lease, self.clock, "v1").step()

    def got(self) -> list[Got]:
        found = [one for ref, one in self.store.documents.items() if ref.collection == "messages" and one]
        return inboxes(found)

    def state(self) -> Broadcast:
        return BROADCASTS.load(cast(Any, self.store.documents[Ref("broadcasts", "b1")]))


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    store = MemoryTransactor()
    async with running(store) as lane:
        made = Board(store, lane)
        await lane.submit(WriteBroadcast(BROADCASTS, draft(f"riders:{HERE}", GROUP)))
        yield made


async def test_a_notice_goes_to_everybody_once_when_it_is_due(board: Board) -> None:
    await board.decide(at(NOW + timedelta(hours=1)))
    await board.work()
    assert not board.got()
    board.clock.on(3600)
    await board.work()
    await board.work()
    assert sorted(g.audience for g in board.got()) == [GROUP, "rider:r000", "rider:r001", "rider:r002"]
    assert {(g.template, g.urgency) for g in board.got()} == {("notice", "urgent")}
    after = board.state()
    assert (after.state, after.reached, after.to) == (State.SENT, 4, ())


async def test_who_carries_on_after_a_crash_tells_the_same_people_and_nobody_twice(board: Board) -> None:
    board.people = [f"r{n:03d}" for n in range(PART + 20)]
    await board.decide(at(None))
    died = False

    def die(work: Any) -> None:
        nonlocal died
        if not died and any(ref.collection == "messages" and ref.id.endswith("00001") for ref in work.loaded):
            died = True
            raise RuntimeError("kill -9")

    board.store.fail = die
    with pytest.raises(RuntimeError):
        await board.work()
    assert len(board.got()) == PART
    assert board.state().state is State.SENDING
    board.people = ["r-new", *board.people]
    await board.work()
    names = [g.audience for g in board.got()]
    assert len(names) == len(set(names)) == PART + 21
    assert "rider:r-new" not in names


async def test_it_can_be_taken_back_until_it_is_on_its_way(board: Board) -> None:
    take_back = lambda one, now: withdrawn(one)  # noqa: E731
    await board.decide(at(NOW + timedelta(hours=1)))
    assert (await board.decide(take_back)).state is State.WITHDRAWN
    board.clock.on(7200)
    await board.work()
    assert not board.got()
    with pytest.raises(Conflict):
        await board.decide(at(None))


async def test_what_is_out_stays_out_and_a_time_that_is_over_is_refused(board: Board) -> None:
    with pytest.raises(Invalid):
        await board.decide(at(NOW - timedelta(seconds=1)))
    with pytest.raises(Invalid):
        await board.decide(at(NOW + timedelta(days=400)))
    await board.decide(at(None))
    await board.work()
    with pytest.raises(Conflict):
        await board.decide(lambda one, now: withdrawn(one))


async def test_a_notice_of_others_is_not_there(board: Board) -> None:
    for scope in (
        Scope("x", "staff:x", TOWN, True, (THERE,)),
        Scope("x", "staff:x", "140302004", True),
        Scope("r", "rider:r", TOWN),
    ):
        with pytest.raises(NotFound):
            await board.decide(at(None), scope)
    await board.decide(at(None), ALL)


async def test_writing_twice_is_one_draft(board: Board) -> None:
    again = await board.lane.submit(WriteBroadcast(BROADCASTS, replace(draft(GROUP), title=Words("x", "x"))))
    assert again.title.zh == "防汛提醒"


@pytest.fixture(scope="module")
def book() -> AudienceBook:
    reference = load(DIRECTORY)
    return AudienceBook(reference, ReferenceNames(reference).all_groups)


def test_a_target_with_all_below_it_is_every_group_of_that_part_of_the_tree(book: AudienceBook) -> None:
    targets, communities = book.targets(OWN, [GROUP], below=True)
    assert {GROUP, f"group:officers-{HERE}", f"group:unit-{HERE}00101"} <= set(targets)
    assert all(HERE in target or target.startswith("group:squad-") for target in targets)
    assert communities == (HERE,)
    assert book.targets(OWN, [GROUP, GROUP], below=False) == ((GROUP,), (HERE,))


def test_what_spans_several_is_nobodys_single_community(book: AudienceBook) -> None:
    assert book.targets(ALL, [f"riders:{TOWN}"], below=False) == ((f"riders:{TOWN}",), ())
    two = [f"riders:{HERE}", f"riders:{THERE}"]
    assert book.targets(ALL, two, below=False) == (tuple(two), (HERE, THERE))


@pytest.mark.parametrize(
    "target",
    [
        f"group:community-{THERE}",
        f"riders:{THERE}",
        f"riders:{TOWN}",
        "rider:r1",
        "riders:",
        f"subdistrict:{TOWN}",
        "riders:140302004001",
    ],
)
def test_a_desk_writes_to_nobody_elses(book: AudienceBook, target: str) -> None:
    with pytest.raises(Invalid):
        book.targets(OWN, [target], below=True)
