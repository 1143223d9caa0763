"""The comparison of passbooks with their entries on a real MongoDB: what was changed behind our back is named."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from ops.look import Access
from ops.main import app
from services.points.auditing import audit
from services.points.domain.audit import Found
from services.points.domain.entry import Entry
from services.points.domain.ledger import Sums
from services.points.domain.steps import AlreadyReversed
from services.points.ledger_check import LedgerCheck, next_after
from services.points.ledger_metrics import LedgerMetrics
from services.points.store import COLLECTIONS
from shared.mongo.lease import Lease
from shared.settings import KafkaSettings
from tests.support.lanes import running
from tests.support.pointing import NINE, Ledger, Points, joined, moved, reported, resolved
from tests.support.redeeming import Counter, StubShelf, a_prize
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.unit.test_points_reversing import PAID, reverse

PROMISE = "award:inc:hazard_first:anna:pending"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[MongoStore]:
    """anna and bert were paid for one incident, and anna was promised something for another."""
    async with in_mongo(stack, COLLECTIONS) as opened:
        async with running(opened.transactor) as lane:
            points = Points(lane)
            await points.hear(reported(), joined(), moved("triaged"), resolved(reported(), joined()))
            await points.hear(reported(incident="two"), moved("triaged", "two"))
        yield opened


async def look(store: MongoStore) -> Found:
    found = await audit(store.database, {})
    assert found is not None
    return found


async def test_untouched_books_are_well(store: MongoStore) -> None:
    assert await look(store) == Found(2, 5, Sums(), ())


async def test_a_tampered_line_is_named(store: MongoStore) -> None:
    entries = store.behind[store.place.name]["entries"]
    entries.update_one({"_id": PAID}, {"$set": {"reason": "because"}})
    found = await look(store)
    assert [(fault.entry, fault.reason) for fault in found.faults] == [(PAID, "is not what its digest was made of")]
    assert found.sum == Sums()


async def test_points_out_of_nowhere_show_in_the_sum(store: MongoStore) -> None:
    books = store.behind[store.place.name]["passbooks"]
    books.update_one({"_id": "anna"}, {"$set": {"balance": 500}})
    found = await look(store)
    assert (found.sum, found.differing, found.faults[0].entry) == (Sums(495), 1, "")


async def test_a_missing_line_and_lines_of_nobody_are_told(store: MongoStore) -> None:
    behind = store.behind[store.place.name]
    line = behind["entries"].find_one({"_id": PROMISE})
    assert line is not None
    behind["entries"].delete_one({"_id": PROMISE})
    assert {fault.account for fault in (await look(store)).faults} == {line["account"]}
    behind["entries"].insert_one(line)
    behind["entries"].insert_one({**line, "_id": "forged", "account": "nobody", "credit": "nobody"})
    found = await look(store)
    assert [(fault.account, fault.entry) for fault in found.faults] == [("nobody", "forged")]
    assert found.sum == Sums(pending=-5)


async def test_it_holds_while_entries_are_being_written(store: MongoStore) -> None:
    async with running(store.transactor, max_batch=1) as lane:
        points = Points(lane)

        async def write() -> None:
            for number in range(40):
                await points.hear(reported(incident=f"n{number}"), moved("triaged", f"n{number}"))

        task = asyncio.create_task(write())
        looks = [await look(store)]
        while not task.done():
            looks.append(await look(store))
        await task
    assert all(found.well for found in looks)
    assert looks[-1].entries < (await look(store)).entries or len(looks) > 1


async def test_a_stock_that_is_not_what_its_movements_say_is_told(store: MongoStore) -> None:
    async with running(store.transactor) as lane:
        desk = Counter(lane, StubShelf(has=[a_prize(stock=2)]))
        await desk.fund("anna")
        await desk.reserve("anna")
    assert (await look(store)).well
    store.behind[store.place.name]["stocks"].update_one({}, {"$set": {"reserved": 0}})
    found = await look(store)
    assert [(fault.account, found.sum) for fault in found.faults] == [("home-a|towel", Sums())]
    assert "its movements give 2 stocked, 1 reserved" in found.faults[0].reason


async def test_the_nightly_job_shows_what_it_found_and_only_where_the_lease_is(store: MongoStore) -> None:
    registry, now = CollectorRegistry(), datetime(2026, 11, 25, 20, tzinfo=UTC)
    lease = Lease(store.database, "ledger", "one")
    job = LedgerCheck(store.database, lease, LedgerMetrics(registry), lambda: now, SHANGHAI)
    store.behind[store.place.name]["passbooks"].update_one({"_id": "anna"}, {"$inc": {"balance": 1}})
    await job._turn()
    assert registry.get_sample_value("qianshao_points_differing_passbooks") == 1
    assert registry.get_sample_value("qianshao_points_ledger_sum_points", {"layer": "posted"}) == 1
    assert registry.get_sample_value("qianshao_points_ledger_compared_timestamp_seconds") == now.timestamp()
    await lease.release()
    await job._turn()
    assert registry.get_sample_value("qianshao_points_ledger_compared_timestamp_seconds") == 0
    assert registry.get_sample_value("qianshao_points_ledger_sum_points", {"layer": "posted"}) is None


def test_the_next_night_is_counted_at_the_place() -> None:
    night = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
    assert next_after(night - timedelta(seconds=1), SHANGHAI) == night
    assert next_after(night, SHANGHAI) == night + timedelta(days=1)
    assert next_after(NINE, SHANGHAI) == night


async def test_the_command_names_the_line_and_exits_with_one(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = KafkaSettings.model_validate(
        {"bootstrap": "127.0.0.1:1", "username": "ops", "password": "-", "security": "SASL_PLAINTEXT"}
    )
    monkeypatch.setattr(Access, "known", lambda: Access({"points": store.place}, kafka))

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["points", "check", *arguments])
        return result.exit_code, " ".join(result.output.split())

    status, text = await run()
    assert (status, "passbooks 2 分录 entries 5 不符 differing 0" in text) == (0, True), text
    store.behind[store.place.name]["entries"].update_one({"_id": PAID}, {"$set": {"amount": 50}})
    status, text = await run("--rider", "anna")
    assert status == 1
    assert f"{PAID} is not what its digest was made of" in text
    assert (await run("--rider", "bert"))[0] == 0
    assert (await run("--rider", "nobody"))[0] == 2


async def test_scenario_35_five_reversals_at_once_from_two_processes_are_one(store: MongoStore) -> None:
    async with running(store.transactor) as one, running(store.transactor) as other:
        wishes = [(one, other)[number % 2].submit(reverse()) for number in range(5)]
        answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [AlreadyReversed] * 4
    assert len([answer for answer in answers if isinstance(answer, Entry)]) == 1
    ledger = await Ledger.read(store.database)
    ledger.check()
    assert ledger.balances() == {"anna": (0, 5), "bert": (1, 0)}
    assert (await look(store)).well
