"""The second start of the embedded brokers when somebody listens on their old ports meanwhile, and says nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops.local import jars, kafka, mongo, toolchain
from ops.local.brokers import follow_port, kafka_ready, mongo_ready
from ops.local.process import Process
from ops.local.state import State, state_folder
from ops.topics import connect, sdk, warm_up


@pytest.fixture
def state(tmp_path: Path) -> State:
    found = State.at(tmp_path / "s", State.at(state_folder()).jars)
    jars.ensure_listed(found.jars)
    return found


@contextmanager
def occupied(*ports: int) -> Iterator[None]:
    """Somebody who accepts connections and never answers: the worst kind, a closed port is noticed at once."""
    with ExitStack() as servers:
        for port in ports:
            servers.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


@asynccontextmanager
async def mongod(state: State) -> AsyncIterator[tuple[mongo.Mongo, Process]]:
    tools = toolchain.find(state.root / "lib")
    server = mongo.Mongo(
        state, tools.mongod, tools.mongod_libraries, state.ports(mongo.PORTS), state.passwords(mongo.PASSWORDS)
    )
    await follow_port(server)
    process = Process(server.program())
    try:
        await process.start()
        await mongo_ready(process, server)
        yield server, process
    finally:
        await process.stop()


@asynccontextmanager
async def broker(state: State) -> AsyncIterator[tuple[kafka.Kafka, Process]]:
    java = toolchain.find(state.root / "lib").java
    server = kafka.Kafka(state, java, state.ports(kafka.PORTS), state.passwords(kafka.PASSWORDS))
    await asyncio.to_thread(server.prepare)
    process = Process(server.program())
    try:
        await process.start()
        await kafka_ready(process, server)
        yield server, process
    finally:
        await process.stop()


def reader(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5_000, w="majority", journal=True)


def count(uri: str) -> int:
    """Add one document by a durable transaction, and count them all."""
    with reader(uri) as client:
        things = client.get_default_database()["things"]
        with client.start_session() as session, session.start_transaction():
            things.insert_one({"one": "more"}, session=session)
        return things.count_documents({})


async def test_mongod_moves_to_a_free_port_with_its_data_even_after_kill_9(state: State) -> None:
    async with mongod(state) as (server, process):
        first = server.address
        uri = await asyncio.to_thread(server.database, "intake", "secret")
        assert await asyncio.to_thread(count, uri.uri) == 1
        assert await process.kill() == -9
    with occupied(int(first.rpartition(":")[2])):
        began = asyncio.get_running_loop().time()
        async with mongod(state) as (server, _):
            # A set that asks the silent stranger whether it is itself waits 30 s for an answer.
            assert asyncio.get_running_loop().time() - began < 20
            assert server.address != first
            uri = await asyncio.to_thread(server.database, "intake", "secret")
            assert await asyncio.to_thread(count, uri.uri) == 2
    async with mongod(state) as (server, _):
        assert not server.moved()
        uri = await asyncio.to_thread(server.database, "intake", "secret")
        assert await asyncio.to_thread(count, uri.uri) == 3


async def test_a_database_user_reads_its_own_database_only_and_nobody_reads_without_a_password(state: State) -> None:
    async with mongod(state) as (server, _):
        intake = await asyncio.to_thread(server.database, "intake", "secret")
        with reader(intake.uri) as client, pytest.raises(OperationFailure, match="not authorized on dispatch"):
            client["dispatch"]["orders"].find_one()
        wrong = intake.uri.replace("secret", "wrong")
        with reader(wrong) as client, pytest.raises(OperationFailure, match="Auth"):
            client["intake"]["reports"].find_one()
        with reader(f"mongodb://{server.address}/?replicaSet=rs0") as client:
            with pytest.raises(OperationFailure, match="requires authentication"):
                client["intake"]["reports"].find_one()
            with pytest.raises(OperationFailure, match="requires authentication"):
                client["admin"].command("createUser", "me", pwd="me", roles=["root"])


@pytest.mark.slow
async def test_kafka_moves_to_free_ports_with_its_topics(state: State) -> None:
    async with broker(state) as (server, process):
        first, cluster = dict(server.ports), server.cluster_id()
        admin = connect(server.login())
        admin.create_topics([sdk.NewTopic("kept", 1, 1)])["kept"].result(15)
        assert await process.kill() == -9
    with occupied(*first.values()):
        async with broker(state) as (server, _):
            assert not set(first.values()) & set(server.ports.values())
            admin = connect(server.login())
            assert admin.cluster_id(timeout=10) == cluster
            answers: list[object] = []
            producer = Producer(server.login())
            producer.produce("kept", b"x", on_delivery=lambda error, _: answers.append(error))
            producer.flush(15)
            assert answers == [None]
            await asyncio.to_thread(warm_up, admin)


async def test_somebody_elses_broker_on_our_port_is_not_ours(state: State) -> None:
    async with broker(state) as (server, _):
        meta = server.folder / "log/meta.properties"
        meta.write_text(meta.read_text().replace(server.cluster_id(), "AAAAAAAAAAAAAAAAAAAAAA"))
        with pytest.raises(kafka.WrongCluster, match="ours is AAAAAAAAAAAAAAAAAAAAAA"):
            await asyncio.to_thread(server.check)


async def test_kafka_says_why_it_does_not_format(state: State) -> None:
    java = toolchain.find(state.root / "lib").java
    passwords = dict.fromkeys(kafka.PASSWORDS, "")
    server = kafka.Kafka(state, java, state.ports(kafka.PORTS), passwords)
    with pytest.raises(kafka.FormatFailed, match="Empty key"):
        await asyncio.to_thread(server.prepare)
    assert not list(server.folder.glob("format*"))
