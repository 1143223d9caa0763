"""What only a real MongoDB can do to a transaction: be slow, frozen, killed, or silent about a commit."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from shared.errors import Unavailable
from shared.mongo import client as mongo_client
from shared.mongo.indexes import PLUMBING, prepare
from shared.mongo.lane import Lane
from shared.mongo.work import Document, Ref, Work
from tests.support.counting import COLLECTIONS, COUNTERS, KEYS, Add
from tests.support.lanes import running
from tests.support.stack import MongoServer, Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.waiting import freeze, until


class Ear(CommandListener):
    """Hears every command the driver sends; `on` is called just before it goes out."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Document]] = []
        self.on: Callable[[str], None] = lambda name: None

    def started(self, event: CommandStartedEvent) -> None:
        self.heard.append((event.command_name, dict(event.command)))
        self.on(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    """Before the store is opened, so that its client is heard."""
    ear = Ear()
    monkeypatch.setattr(mongo_client, "AsyncIOMotorClient", partial(AsyncIOMotorClient, event_listeners=[ear]))
    return ear


@pytest.fixture
async def store(ear: Ear, fragile: Stack) -> AsyncIterator[MongoStore]:
    async with in_mongo(fragile, COLLECTIONS) as opened:
        yield opened


def value(store: MongoStore, id_: str) -> int:
    document = store.get(Ref(COUNTERS, id_))
    return document["value"] if document else 0


def has(store: MongoStore, id_: str, wanted: int) -> bool:
    return value(store, id_) == wanted


def is_whole(store: MongoStore, id_: str, key: str) -> bool:
    """Counter, key and outbox row: all of them or none, at one moment (a commit may be under way)."""
    with store.behind.start_session(snapshot=True) as moment:
        database = store.behind[store.place.name]
        parts = {
            database[COUNTERS].count_documents({"_id": id_, "value": 1}, session=moment),
            database[KEYS].count_documents({"_id": key}, session=moment),
            database["outbox"].count_documents({}, session=moment),
        }
    return parts in ({0}, {1})


async def test_every_transaction_is_a_snapshot_committed_by_majority_and_journal(store: MongoStore, ear: Ear) -> None:
    """The client's concerns are not inherited by its transactions; nothing would say so."""
    async with running(store.transactor) as lane:
        await lane.submit(Add("a", key="k"))
    began = [command for _, command in ear.heard if command.get("startTransaction")]
    assert [command["readConcern"]["level"] for command in began] == ["snapshot"]
    commits = [command for name, command in ear.heard if name == "commitTransaction"]
    assert [command["writeConcern"] for command in commits] == [{"w": "majority", "j": True}]
    assert all("txnNumber" in c for name, c in ear.heard if name in ("find", "insert", "update") and "lsid" in c)


async def test_a_batch_costs_one_read_and_one_bulk_a_collection(store: MongoStore, ear: Ear) -> None:
    async with running(store.transactor) as lane:
        await asyncio.gather(*(lane.submit(Add("old", key=f"{n}")) for n in range(9)))
        ear.heard.clear()
        await asyncio.gather(*(lane.submit(Add(str(n % 7), key=f"k{n}")) for n in range(40)))
    names = [(name, command.get(name)) for name, command in ear.heard if name != "endSessions"]
    written = [("insert", COUNTERS), ("insert", KEYS), ("insert", "outbox")]
    assert sorted(names[:-1]) == sorted([("find", COUNTERS), ("find", KEYS), *written])
    assert names[-1][0] == "commitTransaction"


@pytest.mark.parametrize(
    ("poison", "error"),
    [
        (object(), "InvalidDocument"),
        (2**70, "OverflowError"),
        ("\ud800", "UnicodeEncodeError"),
        (bytes(17_000_000), "OperationFailure"),
    ],
    ids=["no-bson", "no-int64", "no-utf8", "over-16-MB"],
)
async def test_what_cannot_be_stored_fails_alone(store: MongoStore, poison: object, error: str) -> None:
    commands = [Add(str(n), payload=poison if n == 13 else None) for n in range(40)]
    async with running(store.transactor) as lane:
        answers = await asyncio.gather(*(lane.submit(command) for command in commands), return_exceptions=True)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, BaseException)] == [13]
    assert type(answers[13]).__name__ == error
    assert sum(value(store, str(n)) for n in range(40)) == 39
    assert len(store.rows()) == 39


async def test_cancelling_the_caller_does_not_roll_back(store: MongoStore) -> None:
    """Each transaction is cancelled at another moment; without a shield about half of them are lost."""
    decided = asyncio.Event()

    def decide(work: Work) -> None:
        before = work.get(COUNTERS, "a") or {"_id": "a", "value": 0}
        work.put(COUNTERS, {**before, "value": before["value"] + 1})
        decided.set()

    for n in range(20):
        decided.clear()
        caller = asyncio.create_task(store.transactor.transact([Ref(COUNTERS, "a")], decide, 5.0))
        await decided.wait()
        for _ in range(n % 5):
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await until(partial(has, store, "a", n + 1), 5, "the transaction of the cancelled caller")


async def test_a_caller_that_hangs_up_is_carried_out_once(store: MongoStore) -> None:
    async with running(store.transactor) as lane:
        caller = asyncio.create_task(lane.submit(Add("a", key="k")))
        await until(lambda: lane.stats.batches == 1, 5)
        caller.cancel()
        await until(lambda: value(store, "a") == 1, 5)
        assert await lane.submit(Add("a", key="k")) == 1
    assert is_whole(store, "a", "k")


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("find", None), pytest.param("insert", 2.0, marks=pytest.mark.slow), ("commitTransaction", 2.0)],
)
async def test_frozen_at_any_step_it_says_so_in_time_and_a_repetition_counts_once(
    fragile: Stack, store: MongoStore, ear: Ear, at: str, seconds: float | None
) -> None:
    """None: as HTTP waits, whose callers are promised an answer within 8 s."""
    loop = asyncio.get_running_loop()
    limit_transactions(store)
    async with running(store.transactor) as lane:
        assert await lane.submit(Add("other")) == 1
        store.behind[store.place.name]["outbox"].delete_many({})
        ear.on = lambda name: freeze(fragile.mongo.process) if name == at else None
        asked = loop.time()
        with pytest.raises(Unavailable):
            await (lane.submit(Add("a", key="k"), seconds=seconds) if seconds else lane.submit(Add("a", key="k")))
        assert loop.time() - asked < (seconds or 7.5) + 0.5
        ear.on = lambda name: None
        fragile.mongo.thaw()
        thawed = loop.time()
        assert is_whole(store, "a", "k")
        assert await until(partial(_patiently, lane, Add("a", key="k")), 30, "a repetition is answered") == 1
        assert loop.time() - thawed < 20
    assert is_whole(store, "a", "k")
    assert value(store, "a") == 1


def limit_transactions(store: MongoStore) -> None:
    """As our servers are started: what a dead client has begun holds its documents this long, else for a minute."""
    store.behind.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=10)


_BEGIN_AND_DIE = """
import os, sys
from pymongo import MongoClient
uri, name = sys.argv[1:]
client = MongoClient(uri)
session = client.start_session()
session.start_transaction()
client[name].counters.update_one({"_id": "a"}, {"$set": {"value": 99}}, session=session)
os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
async def test_a_process_killed_within_its_transaction_holds_its_documents_for_seconds_only(store: MongoStore) -> None:
    """mongod does not end a transaction with its connection, only by its age."""
    limit_transactions(store)
    async with running(store.transactor) as lane:
        assert await lane.submit(Add("a")) == 1
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BEGIN_AND_DIE, store.place.uri, store.place.name
        )
        assert await other.wait() == -9
        assert await until(partial(_patiently, lane, Add("a", key="k")), 20, "the orphan is gone") == 2


async def _patiently(lane: Lane, command: Add) -> int | None:
    """As a client behaves: 503 means to repeat the same command under the same key."""
    try:
        return await lane.submit(command)
    except Unavailable:
        return None


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_a_burst_loses_nothing_answered(fragile: Stack, store: MongoStore) -> None:
    answered: set[str] = set()
    numbers = count()

    async def client(lane: Lane) -> None:
        while True:
            key = f"key-{next(numbers)}"
            while await _patiently(lane, Add("hot", key=key)) is None:
                pass
            answered.add(key)

    async with running(store.transactor) as lane:
        clients = [asyncio.create_task(client(lane)) for _ in range(20)]
        await until(lambda: len(answered) > 300, 20)
        await fragile.mongo.kill()
        before = len(answered)
        await fragile.mongo.start()
        await until(lambda: len(answered) > before + 100, 30, "goes on after the restart")
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    stored = {document["_id"] for document in store.behind[store.place.name][KEYS].find()}
    assert answered <= stored
    assert value(store, "hot") == len(stored)
    assert sorted(row["position"] for row in store.rows()) == [[n, 0] for n in range(1, len(stored) + 1)]


@asynccontextmanager
async def _with_failpoints(server: MongoServer) -> AsyncIterator[None]:
    """The same server with its test commands, which production does not have."""
    process = server.process
    ordinary = process.program
    await server.stop()
    process.program = replace(ordinary, argv=(*ordinary.argv, "--setParameter", "enableTestCommands=1"))
    try:
        await server.start()
        yield
    finally:
        await server.stop()
        process.program = ordinary
        await server.start()


@contextmanager
def _failing(store: MongoStore, times: int, **how: Any) -> Iterator[None]:
    """`commitTransaction` fails this often."""
    point: dict[str, Any] = {"configureFailPoint": "failCommand", "mode": {"times": times}}
    store.behind.admin.command({**point, "data": {"failCommands": ["commitTransaction"], **how}})
    try:
        yield
    finally:
        store.behind.admin.command({**point, "mode": "off"})


async def test_a_commit_of_unknown_outcome_is_repeated_and_counted_once(fragile: Stack, ear: Ear) -> None:
    async with _with_failpoints(fragile.mongo), in_mongo(fragile, COLLECTIONS) as store:
        async with running(store.transactor) as lane:
            # twice: the driver itself repeats once; the commit does not reach the server
            with _failing(store, 2, closeConnection=True):
                assert await lane.submit(Add("a", key="k")) == 1
            assert lane.stats.transient == 0
            assert is_whole(store, "a", "k")
            # for longer than we repeat: carried out, but nobody says so; deciding anew finds the key
            with _failing(store, 4, writeConcernError={"code": 64, "errmsg": "not known yet"}):
                assert await lane.submit(Add("a", key="k2")) == 2
            assert lane.stats.transient == 1
        assert value(store, "a") == 2
        assert sorted(row["position"] for row in store.rows()) == [[1, 0], [2, 0]]


async def test_preparing_makes_what_is_missing_and_may_be_done_by_many_at_once(fragile: Stack) -> None:
    place = await fragile.mongo.new_database()
    clients = [mongo_client.connect(place.uri, "test") for _ in range(4)]
    try:
        await asyncio.gather(*(prepare(client[place.name], COLLECTIONS) for client in clients))
        await prepare(clients[0][place.name], COLLECTIONS)
        database = clients[0][place.name]
        names = set(await database.list_collection_names())
        assert {collection.name for collection in (*PLUMBING, *COLLECTIONS)} <= names
        for collection in PLUMBING:
            made = set(await database[collection.name].index_information()) - {"_id_"}
            assert made == {index.document["name"] for index in collection.indexes}
    finally:
        for client in clients:
            client.close()
