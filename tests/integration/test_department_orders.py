"""A department's orders as MongoDB finds them: its own, in order, page by page."""

from collections.abc import AsyncIterator

import pytest

from services.dispatch.department_store import MongoOrderViews
from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import OrderState
from services.dispatch.store import COLLECTIONS, INCIDENTS
from shared.errors import Forbidden
from shared.scope import Scope
from tests.support.dispatching import dispatched
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

WATER = Scope("d1", "department:water", "140302003", department="water")


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(stack, COLLECTIONS) as made:
        yield made


def keep(store: MongoStore, *incidents: Incident) -> None:
    for incident in incidents:
        store.put("incidents", {**INCIDENTS.dump(incident), "version": 1})


async def ids(views: MongoOrderViews, *states: OrderState, scope: Scope = WATER, limit: int = 3) -> list[list[str]]:
    pages: list[list[str]] = []
    after: str | None = None
    while found := [order.id for _, order in await views.orders(scope, after, states, limit)]:
        pages.append(found)
        after = found[-1]
    return pages


async def test_pages_follow_each_other_without_a_gap_and_without_a_repetition(store: MongoStore) -> None:
    keep(store, dispatched(*["water"] * 11, id="a"), dispatched("fire", "water", id="b"), dispatched("fire", id="c"))
    keep(store, dispatched("water", id="d"), dispatched("water", id="e", subdistrict="140302004"))
    expected = [*(f"a.{n}" for n in range(1, 12)), "b.2", "d.1"]
    views = MongoOrderViews(store.database)
    for limit in (1, 2, 3, 200):
        pages = await ids(views, limit=limit)
        assert [one for page in pages for one in page] == expected
        assert all(len(page) == limit for page in pages[:-1])
    assert await ids(views, OrderState.DONE) == []
    assert await ids(views, OrderState.DONE, OrderState.OFFERED, limit=200) == [expected]


async def test_one_order_is_found_by_its_department_in_its_sub_district_alone(store: MongoStore) -> None:
    keep(store, dispatched("water", "fire", id="a"))
    views = MongoOrderViews(store.database)
    found = await views.order(WATER, "a.1")
    assert found is not None
    assert (found[0].id, found[1].id) == ("a", "a.1")
    for order in ("a.2", "a.9", "b.1", "a", ""):
        assert await views.order(WATER, order) is None
    assert await views.order(Scope("d", "x", "140302004", department="water"), "a.1") is None


async def test_who_has_no_department_is_shown_nothing(store: MongoStore) -> None:
    keep(store, dispatched("water", id="a"))
    views = MongoOrderViews(store.database)
    for scope in (Scope("r", "rider:r", "140302003"), Scope("s", "staff:s", "140302003", desk=True)):
        with pytest.raises(Forbidden):
            await views.orders(scope, None, (), 3)
        with pytest.raises(Forbidden):
            await views.order(scope, "a.1")
