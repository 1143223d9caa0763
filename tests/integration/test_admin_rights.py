"""Users and rights on a real broker: what each principal may do, and above all what it may not."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from typer.testing import CliRunner

from ops.main import app
from ops.topics import BrokerAway, Conflicted, apply, connect, credentials, read, reconcile, sdk
from shared.contracts.topics import INCIDENT_REPORTED, department_updates_topic, dispatch_topic
from shared.ids import new_id
from shared.kafka.admin import Acl, Diff, Wanted, plan
from tests.support.stack import Stack
from tests.support.waiting import until

OURS, OTHER = "rights", "rightswing"
"""Departments of these tests alone, whose topics nobody else of the session reads. One name begins with the other."""

US = f"dept.{OURS}"
DISPATCH, UPDATES = dispatch_topic(OURS).name, department_updates_topic(OURS).name
OTHERS_DISPATCH, OTHERS_UPDATES = dispatch_topic(OTHER).name, department_updates_topic(OTHER).name
QUIET: Mapping[str, Any] = {"log_level": 0}


@pytest.fixture(scope="module", autouse=True)
async def _nothing_stays(stack: Stack) -> AsyncIterator[None]:
    """Whoever compares the session's broker with what should be on it afterwards finds nothing of these departments."""
    yield
    await stack.kafka.withdraw([OURS, OTHER])


@pytest.fixture
async def rights(stack: Stack) -> Stack:
    """The stack with our two departments."""
    await stack.kafka.declare([OURS, OTHER])
    return stack


def send(login: Mapping[str, str], topic: str, value: bytes = b"{}") -> KafkaError | None:
    """Send one message; returns what the broker said, None for accepted."""
    answers: list[KafkaError | None] = []
    producer = Producer({**login, **QUIET, "message.timeout.ms": 10_000, "topic.metadata.propagation.max.ms": 500})
    producer.produce(topic, value, on_delivery=lambda error, _: answers.append(error))
    producer.flush(15)
    assert answers, f"no answer about {topic}"
    return answers[0]


def receive(login: Mapping[str, str], topic: str, group: str) -> bytes | KafkaError:
    """Join a group on one topic and return the first message, or the first error the broker answers."""
    consumer = Consumer({**login, **QUIET, "group.id": group, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(20)
        assert message is not None, f"nothing came from {topic}"
        value = message.value()
        return message.error() or (value if value is not None else b"")
    except KafkaException as error:
        found: KafkaError = error.args[0]
        return found
    finally:
        consumer.close()


def look_at(login: Mapping[str, str], topic: str) -> KafkaError | None:
    """Ask for the partitions of a topic, as one must before reading any; returns the broker's refusal."""
    return connect(login).list_topics(topic, timeout=10).topics[topic].error  # type: ignore[no-any-return]


def code(answer: object) -> int:
    assert isinstance(answer, KafkaError), answer
    return int(answer.code())


async def test_a_department_receives_what_dispatch_sends_it(rights: Stack) -> None:
    topic = DISPATCH
    assert await asyncio.to_thread(send, rights.kafka.login("dispatch"), topic, b"order") is None
    assert await asyncio.to_thread(receive, rights.kafka.login(US), topic, f"{US}.{new_id()}") == b"order"


async def test_a_department_cannot_read_another_departments_topic(rights: Stack) -> None:
    topic = OTHERS_DISPATCH
    assert await asyncio.to_thread(send, rights.kafka.login("dispatch"), topic, b"secret") is None
    answer = await asyncio.to_thread(receive, rights.kafka.login(US), topic, f"{US}.{new_id()}")
    assert code(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    refusal = await asyncio.to_thread(look_at, rights.kafka.login(US), topic)
    assert code(refusal) == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("group", ["dept.rightswing.desk", "dispatch.v1", "dept.rights", "desk"])
async def test_a_department_cannot_join_a_foreign_group(rights: Stack, group: str) -> None:
    # rightswing: a prefix without its dot would have let this one in.
    answer = await asyncio.to_thread(receive, rights.kafka.login(US), DISPATCH, group)
    assert code(answer) == KafkaError.GROUP_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    "topic",
    [
        DISPATCH,
        OTHERS_UPDATES,
        f"{UPDATES}.dlq",
        INCIDENT_REPORTED.name,
    ],
)
async def test_a_department_writes_to_its_own_updates_only(rights: Stack, topic: str) -> None:
    assert await asyncio.to_thread(send, rights.kafka.login(US), UPDATES) is None
    answer = await asyncio.to_thread(send, rights.kafka.login(US), topic)
    assert code(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED


async def test_a_topic_nobody_has_a_right_to_is_closed_not_open(rights: Stack) -> None:
    topic = await rights.kafka.new_topic()
    assert await asyncio.to_thread(send, rights.kafka.login(), topic) is None
    for user in (US, "dispatch", "ops"):
        answer = await asyncio.to_thread(send, rights.kafka.login(user), topic)
        assert code(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED, user


@pytest.mark.parametrize("user", [US, "dispatch", "ops"])
async def test_only_the_superuser_makes_topics_users_and_rights(rights: Stack, user: str) -> None:
    # On the cluster itself nobody has a right: with allow.everyone.if.no.acl.found everybody would.
    admin = await asyncio.to_thread(connect, rights.kafka.login(user))
    mine = Wanted((dispatch_topic("takeover"),), ("takeover",), frozenset(), replication=1, min_insync=1)
    everything = Acl(user, "topic", "literal", "*", "all")
    for diff in (Diff(create=mine.topics), Diff(users=mine.users), Diff(grant=(everything,))):
        with pytest.raises(KafkaException, match=r"(?i)authoriz"):
            await asyncio.to_thread(apply, admin, diff, mine, {"takeover": "secret"})


async def test_a_listing_shows_only_what_is_ones_own(rights: Stack) -> None:
    admin = await asyncio.to_thread(connect, rights.kafka.login(US))
    assert set(admin.list_topics(timeout=10).topics) == {
        DISPATCH,
        UPDATES,
    }


async def test_services_send_and_bury_as_declared(rights: Stack) -> None:
    dead = f"{UPDATES}.dlq"
    for user, topic in (("dispatch", DISPATCH), ("dispatch", dead)):
        assert await asyncio.to_thread(send, rights.kafka.login(user), topic) is None, (user, topic)
    reported = INCIDENT_REPORTED.name
    for user, topic in (("dispatch", UPDATES), ("intake", DISPATCH), ("intake", dead), ("notify", reported)):
        answer = await asyncio.to_thread(send, rights.kafka.login(user), topic)
        assert code(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED, (user, topic)


async def test_operators_read_everything_describe_groups_and_write_nothing(rights: Stack) -> None:
    topic = DISPATCH
    assert await asyncio.to_thread(send, rights.kafka.login("dispatch"), topic, b"order") is None
    login = rights.kafka.login("ops")
    assert isinstance(await asyncio.to_thread(receive, login, topic, f"ops.{new_id()}"), bytes)
    assert code(await asyncio.to_thread(send, login, topic)) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    group = f"{US}.{new_id()}"
    await asyncio.to_thread(receive, rights.kafka.login(US), topic, group)
    admin = connect(login)
    described = admin.describe_consumer_groups([group])[group].result(timeout=15)
    assert described.group_id == group


async def test_a_wrong_password_is_refused_and_says_so(rights: Stack) -> None:
    wrong = credentials(rights.kafka.bootstrap, US, "wrong")
    with pytest.raises(BrokerAway, match=r"refuses dept\.rights"):
        await asyncio.to_thread(connect, wrong, 20.0)


async def test_a_broker_that_is_not_there_is_named(rights: Stack) -> None:
    (port,) = rights.state.ports(["nobody"]).values()
    with pytest.raises(BrokerAway, match=rf"127\.0\.0\.1:{port} did not answer"):
        await asyncio.to_thread(connect, credentials(f"127.0.0.1:{port}", US, "x"), 1.0)


async def test_topics_are_not_created_by_using_them(rights: Stack) -> None:
    answer = await asyncio.to_thread(send, rights.kafka.login(), f"typo-{new_id()}")
    assert code(answer) in (KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._MSG_TIMED_OUT)


async def test_applying_twice_changes_nothing_the_second_time(rights: Stack) -> None:
    wanted = await rights.kafka.declare([])
    admin = connect(rights.kafka.login())
    current = await asyncio.to_thread(read, admin)
    assert {topic.name for topic in wanted.topics} <= current.topics.keys()
    assert plan(current, wanted) == Diff()
    assert await asyncio.to_thread(reconcile, admin, wanted, {}) == Diff()


async def test_a_right_granted_by_hand_is_taken_back(rights: Stack) -> None:
    wanted = await rights.kafka.declare([])
    admin = connect(rights.kafka.login())
    by_hand = Acl(US, "topic", "literal", OTHERS_DISPATCH, "all")
    await asyncio.to_thread(apply, admin, Diff(grant=(by_hand,)), wanted, {})
    done = await asyncio.to_thread(reconcile, admin, wanted, {})
    assert done == Diff(revoke=(by_hand,))
    assert by_hand not in (await asyncio.to_thread(read, admin)).acls


async def test_settings_are_corrected_and_other_partitions_refused(rights: Stack) -> None:
    admin = connect(rights.kafka.login())
    topic = dispatch_topic("aa-test")
    # everybody's rights stay in the table: a table without them would take them from every department of the session
    wanted = replace(await rights.kafka.declare([]), topics=(topic,))
    admin.create_topics([sdk.NewTopic(topic.name, 3, 1, config={"retention.ms": "1000"})])[topic.name].result(15)
    done = await asyncio.to_thread(reconcile, admin, wanted, {})
    assert done.configure == {topic.name: {"retention.ms": str(90 * 24 * 3600 * 1000)}}
    admin.create_partitions([sdk.NewPartitions(topic.name, 4)])[topic.name].result(15)
    await until(lambda: read(admin).topics[topic.name].partitions == 4, 30, "the broker tells of the fourth")
    with pytest.raises(Conflicted, match=r"dispatch\.aa-test: has 4 partitions, 3 are declared"):
        await asyncio.to_thread(reconcile, admin, wanted, {})
    admin.delete_topics([topic.name])[topic.name].result(15)


async def test_diff_names_what_nobody_declares_and_changes_nothing(rights: Stack) -> None:
    topic, settings = await rights.kafka.new_topic(), rights.kafka.settings("broker")
    environment = {
        "QIANSHAO_KAFKA_BOOTSTRAP": settings.bootstrap,
        "QIANSHAO_KAFKA_SECURITY": settings.security,
        "QIANSHAO_KAFKA_USERNAME": settings.username,
        "QIANSHAO_KAFKA_PASSWORD": settings.password.get_secret_value(),
    }
    words = ["topics", "diff", "-o", "json", "--replication", "1", "--min-insync", "1"]
    for _ in range(2):
        told = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)
        assert told.exit_code == 1, told.output
        assert f"? topic  {topic}" in json.loads(told.stdout)
        assert "? user   broker" not in json.loads(told.stdout)
