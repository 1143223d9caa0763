"""Topics, users and rights: what the contract wants of a broker, what the broker has, and the difference. Pure.

`ops/topics.py` reads the one from a broker and applies the other. Nothing here deletes a topic or changes its partitions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.contracts.topics import DEPARTMENT, DISPATCH, OPERATORS, Topic

SCRAM_ITERATIONS = 8192
"""Kafka's own floor is 4096; architecture.md asks for twice that."""

_DAY_MS = 24 * 3600 * 1000


class Acl(NamedTuple):
    """One right, in the broker's own words: `principal` (without `User:`) may do `operation` on what is selected.

    `resource` is "topic" or "group", `pattern` "literal" or "prefixed", `operation` "read", "write" or "describe" in our
    table; rights that others granted may hold any word of Kafka's.
    """

    principal: str
    resource: str
    pattern: str
    name: str
    operation: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that should be there. `replication` and `min_insync` are those of the installation: 1/1 locally, 3/2 else."""

    topics: tuple[Topic, ...]
    users: tuple[str, ...]
    acls: frozenset[Acl]
    replication: int
    min_insync: int

    @classmethod
    def of(cls, topics: Iterable[Topic], replication: int, min_insync: int) -> "Wanted":
        """Users and rights follow from who produces and consumes the topics."""
        listed = tuple(topics)
        users = tuple(sorted({*principals(listed), OPERATORS}))
        return cls(listed, users, frozenset(acls(listed)), replication, min_insync)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker describes it; `config` holds at least the settings of `settings_of`."""

    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Current:
    """What a broker has: topics by name, SCRAM-SHA-512 iterations by user, and every ACL that names a user."""

    topics: Mapping[str, TopicState]
    users: Mapping[str, int]
    acls: frozenset[Acl]


@dataclass(frozen=True, slots=True)
class Diff:
    """What to do. `conflicts` are differences that nobody may smooth over: each a sentence for the operator."""

    create: tuple[Topic, ...] = ()
    configure: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    grant: tuple[Acl, ...] = ()
    revoke: tuple[Acl, ...] = ()
    conflicts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do or to say."""
        return any((self.create, self.configure, self.users, self.grant, self.revoke, self.conflicts))


def acls(topics: Iterable[Topic]) -> list[Acl]:
    """The written table of rights, derived from producers and consumers. What is absent is forbidden.

    Group names begin with the principal and a dot: without the dot `dept.fire` would admit `dept.firewall.x`.
    """
    listed = list(topics)
    found: set[Acl] = set()
    for topic in listed:
        uses = [(name, "read") for name in topic.consumers] + [(name, "write") for name in topic.producers]
        for principal, operation in uses:
            found.add(Acl(principal, "topic", "literal", topic.name, operation))
            found.add(Acl(principal, "topic", "literal", topic.name, "describe"))
        if topic.name.startswith(DISPATCH):  # whoever tells a department something may see how far its groups have read
            groups = [f"{reader}." for reader in topic.consumers]
            found.update(Acl(who, "group", "prefixed", name, "describe") for who in topic.producers for name in groups)
    for principal in {*principals(listed), OPERATORS}:
        found.add(Acl(principal, "group", "prefixed", f"{principal}.", "read"))
    for resource, operation in (("topic", "read"), ("topic", "describe"), ("group", "describe")):
        found.add(Acl(OPERATORS, resource, "literal", "*", operation))
    return sorted(found)


def principals(topics: Iterable[Topic]) -> set[str]:
    """Everyone who produces or consumes one of these topics."""
    return {principal for topic in topics for principal in (*topic.producers, *topic.consumers)}


def settings_of(topic: Topic, min_insync: int) -> dict[str, str]:
    """The topic settings we own, as the broker spells them; all others keep the broker's default."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_days * _DAY_MS),
        "min.insync.replicas": str(min_insync),
    }


def plan(current: Current, wanted: Wanted, rotate: Collection[str] = ()) -> Diff:
    """What it takes to get from `current` to `wanted`; empty when nothing. `rotate` names users to give a new password.

    Rights of our own principals that the table does not list are revoked; those of strangers are left alone.
    """
    known = {topic.name: topic for topic in wanted.topics if topic.name in current.topics}
    ours = {acl for acl in current.acls if acl.principal in wanted.users or acl.principal.startswith(DEPARTMENT)}
    return Diff(
        create=tuple(topic for topic in wanted.topics if topic.name not in known),
        configure={
            name: changed
            for name, topic in known.items()
            if (changed := _changed(current.topics[name].config, settings_of(topic, wanted.min_insync)))
        },
        users=tuple(u for u in wanted.users if u in rotate or current.users.get(u, 0) < SCRAM_ITERATIONS),
        grant=tuple(sorted(wanted.acls - current.acls)),
        revoke=tuple(sorted(ours - wanted.acls)),
        conflicts=tuple(
            sentence
            for name, topic in known.items()
            for sentence in _conflicts(topic, current.topics[name], wanted.replication)
        ),
    )


def strangers(current: Current, wanted: Wanted) -> tuple[list[str], list[str]]:
    """Topics and users that stand on the broker and that nobody declares. `plan` leaves them alone, people should not."""
    declared = {topic.name for topic in wanted.topics}
    return sorted(set(current.topics) - declared), sorted(set(current.users) - set(wanted.users))


def _changed(actual: Mapping[str, str], desired: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in desired.items() if actual.get(name) != value}


def _conflicts(topic: Topic, state: TopicState, replication: int) -> Iterator[str]:
    if state.partitions != topic.partitions:
        # Keys would move to other partitions and events of one key overtake each other.
        yield (
            f"{topic.name}: has {state.partitions} partitions, {topic.partitions} are declared; "
            "partitions never change: declare a new topic version and drain this one"
        )
    if state.replication < replication:
        yield f"{topic.name}: has {state.replication} replicas, {replication} are wanted; reassign its partitions"
