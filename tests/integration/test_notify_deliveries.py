"""Planning and delivery over real MongoDB: one delivery of each, whoever dies or repeats, and only the desk's own in sight."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notify.agents import handlers
from services.notify.delivery_store import COLLECTIONS as DELIVERY_COLLECTIONS
from services.notify.delivery_store import MongoOutcomes, MongoShelf
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Line, State, Way
from services.notify.domain.message import Message
from services.notify.planning import Planning
from services.notify.store import BOOKS, COLLECTIONS, PLAN
from shared.clock import system_clock
from shared.errors import Forbidden
from shared.pseudonym import Person
from shared.scope import Scope
from tests.support.lanes import running
from tests.support.notifying import HERE, SUBDISTRICT, THERE, Said, StubNames, changed, hear, reported, state
from tests.support.sending import Counted, Post
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

STAFF, R1 = f"community:{HERE}", "rider:rider-1"


class Robots:
    """A robot for the staff of a community, mail for a rider."""

    async def of(self, audience: str, message: Message) -> tuple[list[Way], str | None]:
        if audience == STAFF:
            return [Way("r1", "r1", Kind.WECOM)], HERE
        return ([Way("smtp:rider-1", "smtp", Kind.SMTP, "en")], HERE) if audience == R1 else ([], None)


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, (*COLLECTIONS, *DELIVERY_COLLECTIONS)) as made:
        yield made


async def say(store: MongoStore, *events: Said) -> None:
    assert handlers(BOOKS, StubNames())
    async with running(store.transactor) as lane:
        for event in events:
            await hear(lane, [event])


def kept(store: MongoStore, **query: Any) -> list[dict[str, Any]]:
    return list(store.behind[store.place.name]["deliveries"].find(query).sort("_id"))


def beside_groups(store: MongoStore) -> list[dict[str, Any]]:
    return [one for one in kept(store) if not one["audience"].startswith("group:")]


async def test_each_copy_is_planned_once_whoever_repeats_or_dies_before_ticking_off(store: MongoStore) -> None:
    shelf = MongoShelf(store.database)
    planning = Planning(shelf, Robots(), system_clock)
    await say(store, reported(emergency=True))
    assert await planning.step() == 4
    assert await planning.step() == 0
    everything = {one["_id"] for one in kept(store)}
    first = {one["_id"]: one["urgency"] for one in beside_groups(store)}
    key = "incident-reported|incident-reported:inc"
    assert first == {f"{key}|riders|{R1}|smtp:rider-1": "normal", f"{key}|staff|{STAFF}|r1": "urgent"}
    store.behind[store.place.name]["messages"].update_many({}, {"$set": {"unplanned": True}})
    assert await planning.step() == 4
    assert {one["_id"] for one in kept(store)} == everything
    assert {one["code"] for one in kept(store, state="skipped")} == {"no_robot"}, "two groups without a robot"
    (mail,) = kept(store, channel="smtp")
    assert mail["title"].isascii()
    await say(store, reported(emergency=True))
    assert await planning.step() == 0, "redelivery plans nothing"


async def test_a_copy_that_comes_while_a_message_is_looked_at_is_looked_at_too(store: MongoStore) -> None:
    shelf = MongoShelf(store.database)
    await say(store, reported())
    found = await shelf.unplanned(10)
    store.behind[store.place.name]["messages"].update_many({}, {"$inc": {"version": 1}})
    for message, version in found:
        await shelf.planned(message.id, version)
    assert len(await shelf.unplanned(10)) == 3


async def test_the_shelf_keeps_its_order_its_calls_and_what_became_of_everything(store: MongoStore) -> None:
    shelf = MongoShelf(store.database)
    await say(store, reported(), reported("unc", emergency=True), changed("order_offered", 1, 1))
    await Planning(shelf, Robots(), system_clock).step()
    now = system_clock()
    assert set(await shelf.lines(now)) == {"r1", "smtp"}
    waiting = await shelf.waiting("r1", now)
    assert [one.urgency.value for one in waiting] == ["urgent", "normal"]
    line = Line("r1", (_whole(now),))
    await shelf.begin(line, waiting[:1], "parcel")
    assert (await shelf.line("r1")) == line
    assert [one.id for one in await shelf.sending(9)] == [waiting[0].id]
    assert [one.id for one in await shelf.waiting("r1", now)] == [waiting[1].id]
    await shelf.end([replace(waiting[0], state=State.SENT, code="0", tries=1, ended=now)])
    (sent,) = kept(store, state="sent")
    assert (sent["code"], sent["tries"]) == ("0", 1)
    counted = {(channel, urgency): count for channel, urgency, count, _ in await shelf.unsent(now)}
    assert counted[("wecom", "normal")] == 1
    assert ("wecom", "urgent") not in counted


async def test_an_end_makes_late_reminders_pointless_until_it_is_taken_up_again(store: MongoStore) -> None:
    shelf = MongoShelf(store.database)
    await say(store, reported(), state("resolved", 1, 1))
    assert await shelf.finished(["inc", "other"]) == {"inc"}
    await say(store, state("dispatched", 2, 2, "resolved", reason="又坏了"))
    assert await shelf.finished(["inc"]) == set()


async def test_it_is_sent_over_the_real_shelf(store: MongoStore) -> None:
    shelf, post = MongoShelf(store.database), Post()
    await say(store, reported(emergency=True))
    await Planning(shelf, Robots(), system_clock).step()
    post.shelf, post.tally, post.clock.now = shelf, Counted(), system_clock()  # type: ignore[assignment] # the real one
    post.restart()
    await post.sending.step()
    assert [parcel.urgency for _, _, parcel in post.robots.got] == ["urgent"]
    assert {one["channel"]: (one["state"], one["code"]) for one in beside_groups(store)} == {
        "wecom": ("sent", "ok"),
        "smtp": ("skipped", "no_channel"),
    }


async def test_a_desk_sees_what_became_of_its_own_and_of_nothing_else(store: MongoStore) -> None:
    shelf, outcomes = MongoShelf(store.database), MongoOutcomes(store.database)
    await say(store, reported())
    await Planning(shelf, Robots(), system_clock).step()
    here, there = (Scope("s", "staff:s", SUBDISTRICT, True, (code,)) for code in (HERE, THERE))
    assert len(await outcomes.page(here, None, None, None, 10)) == 3
    assert [one.audience for one in await outcomes.page(here, "waiting", STAFF, None, 10)] == [STAFF]
    assert await outcomes.page(here, "failed", None, None, 10) == []
    assert await outcomes.page(here, None, None, system_clock() - timedelta(days=1), 10) == []
    assert await outcomes.page(there, None, None, None, 10) == []
    with pytest.raises(Forbidden):
        await outcomes.page(Scope("r", R1, SUBDISTRICT), None, None, None, 10)


async def test_what_went_to_a_person_goes_with_him(store: MongoStore) -> None:
    await say(store, reported())
    await Planning(MongoShelf(store.database), Robots(), system_clock).step()
    treat, person = PLAN.treatments["deliveries"], Person("rider-1", "forgotten-1")
    after = {one["audience"]: treat(one, person) for one in kept(store)}
    assert after[R1] is None
    assert after[STAFF] is not None


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
