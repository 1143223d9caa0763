"""Reads what a broker has and applies the difference of `shared/kafka/admin.py`, by confluent-kafka (ADR 0002)."""

import logging
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import admin as _untyped

from shared.contracts.topics import Topic
from shared.kafka.admin import (
    SCRAM_ITERATIONS,
    Acl,
    Current,
    Diff,
    TopicState,
    Wanted,
    plan,
    settings_of,
)

sdk: Any = _untyped
"""Untyped on purpose: its hints forbid arguments that its own documentation asks for."""

_CALL_SECONDS = 15.0
_DONE_ALREADY = (KafkaError.TOPIC_ALREADY_EXISTS,)
_ANY_USER = sdk.AclBindingFilter(
    sdk.ResourceType.ANY, None, sdk.ResourcePatternType.ANY, None, None, sdk.AclOperation.ANY, sdk.AclPermissionType.ANY
)
T = TypeVar("T")


class BrokerAway(RuntimeError):
    """The broker did not answer in time, or refuses the login; the text says which."""


class Conflicted(RuntimeError):
    """The broker differs from the declaration in a way that is never smoothed over: topics and what to do."""


def credentials(
    bootstrap: str, username: str, password: str, *, security: str = "SASL_PLAINTEXT", ca: str | None = None
) -> dict[str, str]:
    """Settings with which any confluent-kafka client logs in."""
    return {
        "bootstrap.servers": bootstrap,
        "security.protocol": security,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": username,
        "sasl.password": password,
        **({"ssl.ca.location": ca} if ca else {}),
    }


def connect(config: Mapping[str, str], seconds: float = 30.0) -> Any:
    """An admin client whose broker has answered. Raises `BrokerAway`; at once if the login is refused."""
    refused: list[str] = []

    def note(error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:
            refused.append(error.str())

    quiet = logging.getLogger("qianshao.librdkafka")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    admin = sdk.AdminClient({**config, "error_cb": note, "socket.connection.setup.timeout.ms": 5000}, logger=quiet)
    last, deadline = "no answer", time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            admin.list_topics(timeout=1.0)
        except KafkaException as error:
            last = error.args[0].str()
        else:
            return admin
        admin.poll(0)
        if refused:
            raise BrokerAway(f"{config['bootstrap.servers']} refuses {config['sasl.username']}: {refused[-1]}")
    raise BrokerAway(f"{config['bootstrap.servers']} did not answer within {seconds:.0f} s: {last}")


def read(admin: Any) -> Current:
    """What the broker has. Needs the rights of a super user."""
    topics = admin.list_topics(timeout=_CALL_SECONDS).topics
    names = [name for name in topics if not name.startswith("__")]
    asked = [sdk.ConfigResource(sdk.ConfigResource.Type.TOPIC, name) for name in names]
    configs = admin.describe_configs(asked) if asked else {}
    found = {resource.name: _done(future) for resource, future in configs.items()}
    users = _done(admin.describe_user_scram_credentials())
    return Current(
        topics={name: _state(topics[name], found[name]) for name in names},
        users={name: _iterations(described) for name, described in users.items()},
        acls=frozenset(acl for binding in _done(admin.describe_acls(_ANY_USER)) if (acl := _acl(binding))),
    )


def apply(admin: Any, diff: Diff, wanted: Wanted, passwords: Mapping[str, str]) -> None:
    """Carry out a difference. Raises `Conflicted` before touching anything, `KeyError` for a user without password."""
    if diff.conflicts:
        raise Conflicted("\n".join(diff.conflicts))
    upserts = [_upsert(user, passwords[user]) for user in diff.users]
    if upserts:
        _all(admin.alter_user_scram_credentials(upserts).values())
    if diff.create:
        _all(admin.create_topics([_new_topic(topic, wanted) for topic in diff.create]).values())
    if diff.configure:
        changes = [_changes(name, values) for name, values in diff.configure.items()]
        _all(admin.incremental_alter_configs(changes).values())
    if diff.grant:
        _all(admin.create_acls([_binding(acl) for acl in diff.grant]).values())
    if diff.revoke:
        _all(admin.delete_acls([_filter(acl) for acl in diff.revoke]).values())


def reconcile(
    admin: Any,
    wanted: Wanted,
    passwords: Mapping[str, str],
    *,
    rotate: Collection[str] = (),
    seconds: float = 60.0,
) -> Diff:
    """Plan and apply until nothing is left to do; returns what was done first (empty: nothing).

    Reading again after writing also waits until every broker tells the new state. Raises `Conflicted`, `BrokerAway`.
    """
    first: Diff | None = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            diff = plan(read(admin), wanted, rotate if first is None else ())
            first = diff if first is None else first
            if not diff and _led(admin, wanted.topics):
                return first
            apply(admin, diff, wanted, passwords)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
        time.sleep(0.1)
    raise BrokerAway(f"topics, users and rights are not as declared after {seconds:.0f} s")


def warm_up(admin: Any, seconds: float = 30.0) -> None:
    """Make the broker create `__consumer_offsets`: else the first group on a fresh broker fails for some seconds.

    Asks for a group that never exists. (Asking for its offsets instead ends the process: librdkafka 2.16.0 follows a null
    pointer when a broker answers an admin client's OffsetFetch with "not coordinator".) Raises `BrokerAway`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            _all(admin.describe_consumer_groups(["ops.warm-up"]).values())
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return
            time.sleep(0.05)
        else:
            return
    raise BrokerAway(f"no group coordinator after {seconds:.0f} s")


def _led(admin: Any, topics: Iterable[Topic]) -> bool:
    """Whether every partition has a leader; before that a producer's first send fails."""
    known = admin.list_topics(timeout=_CALL_SECONDS).topics
    return all(part.leader >= 0 for topic in topics for part in known[topic.name].partitions.values())


def _done(future: "Future[T]") -> T:
    return future.result(timeout=_CALL_SECONDS)


def _all(futures: Iterable["Future[Any]"]) -> None:
    for future in futures:
        try:
            _done(future)
        except KafkaException as error:
            if error.args[0].code() not in _DONE_ALREADY:
                raise


def _state(topic: Any, config: Mapping[str, Any]) -> TopicState:
    return TopicState(
        partitions=len(topic.partitions),
        replication=min((len(part.replicas) for part in topic.partitions.values()), default=0),
        config={name: entry.value for name, entry in config.items()},
    )


def _iterations(described: Any) -> int:
    infos = described.scram_credential_infos
    return max((i.iterations for i in infos if i.mechanism == sdk.ScramMechanism.SCRAM_SHA_512), default=0)


def _upsert(user: str, password: str) -> Any:
    info = sdk.ScramCredentialInfo(sdk.ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    return sdk.UserScramCredentialUpsertion(user, info, password.encode())


def _new_topic(topic: Topic, wanted: Wanted) -> Any:
    return sdk.NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=wanted.replication,
        config=settings_of(topic, wanted.min_insync),
    )


def _changes(name: str, values: Mapping[str, str]) -> Any:
    entries = [sdk.ConfigEntry(k, v, incremental_operation=sdk.AlterConfigOpType.SET) for k, v in values.items()]
    return sdk.ConfigResource(sdk.ConfigResource.Type.TOPIC, name, incremental_configs=entries)


def _binding(acl: Acl) -> Any:
    return _as(sdk.AclBinding, acl)


def _filter(acl: Acl) -> Any:
    return _as(sdk.AclBindingFilter, acl)


def _as(kind: Any, acl: Acl) -> Any:
    return kind(
        sdk.ResourceType[acl.resource.upper()],
        acl.name,
        sdk.ResourcePatternType[acl.pattern.upper()],
        f"User:{acl.principal}",
        "*",
        sdk.AclOperation[acl.operation.upper()],
        sdk.AclPermissionType.ALLOW,
    )


def _acl(binding: Any) -> Acl | None:
    """None for what takes rights away or holds for one address only: our table has neither."""
    kind, _, principal = binding.principal.partition(":")
    if kind != "User" or binding.host != "*" or binding.permission_type != sdk.AclPermissionType.ALLOW:
        return None
    words = (binding.restype.name, binding.resource_pattern_type.name)
    resource, pattern = (word.lower() for word in words)
    return Acl(principal, resource, pattern, binding.name, binding.operation.name.lower())
