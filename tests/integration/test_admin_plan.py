"""What the contract wants of a broker, and the difference to what a broker has. Pure."""

from dataclasses import replace

import pytest

from shared.contracts.topics import FIXED, INCIDENT_REPORTED, all_topics, dispatch_topic
from shared.kafka.admin import SCRAM_ITERATIONS, Acl, Current, TopicState, Wanted, acls, plan, settings_of, strangers

TOPICS = all_topics(["fire", "municipal"])
WANTED = Wanted.of(TOPICS, replication=1, min_insync=1)


def as_wanted() -> Current:
    return Current(
        topics={t.name: TopicState(t.partitions, 1, settings_of(t, 1)) for t in TOPICS},
        users=dict.fromkeys(WANTED.users, SCRAM_ITERATIONS),
        acls=WANTED.acls,
    )


def test_an_empty_broker_gets_everything() -> None:
    diff = plan(Current({}, {}, frozenset()), WANTED)
    assert {t.name for t in diff.create} == {t.name for t in TOPICS}
    assert diff.users == WANTED.users
    assert set(diff.grant) == WANTED.acls
    assert (diff.revoke, diff.conflicts, diff.configure) == ((), (), {})


def test_a_broker_as_wanted_needs_nothing() -> None:
    assert not plan(as_wanted(), WANTED)


def test_a_department_has_its_two_topics_and_its_groups_and_nothing_else() -> None:
    own = {acl[1:] for acl in acls(TOPICS) if acl.principal == "dept.fire"}
    assert own == {
        ("topic", "literal", "dispatch.fire", "read"),
        ("topic", "literal", "dispatch.fire", "describe"),
        ("topic", "literal", "department-updates.fire", "write"),
        ("topic", "literal", "department-updates.fire", "describe"),
        ("group", "prefixed", "dept.fire.", "read"),
    }


def test_dispatch_may_see_how_far_each_departments_groups_have_read_and_no_other_group() -> None:
    seen = {acl for acl in acls(TOPICS) if acl.resource == "group" and acl.operation == "describe" and acl.name != "*"}
    assert seen
    assert seen == {
        Acl("dispatch", "group", "prefixed", f"{user}.", "describe")
        for user in WANTED.users
        if user.startswith("dept.")
    }


@pytest.mark.parametrize("topic", FIXED, ids=lambda topic: topic.name)
def test_services_may_do_what_the_topic_says_and_bury_what_they_cannot_read(topic: object) -> None:
    declared = next(t for t in FIXED if t is topic)
    rights = set(acls(TOPICS))
    for service in ("intake", "dispatch", "points", "notify"):
        for name, operation, expected in (
            (declared.name, "read", service in declared.consumers),
            (declared.name, "write", service in declared.producers),
            (f"{declared.name}.dlq", "write", service in declared.consumers),
            (f"{declared.name}.dlq", "read", False),
        ):
            assert (Acl(service, "topic", "literal", name, operation) in rights) == expected, (service, name, operation)


def test_every_group_prefix_ends_in_a_dot() -> None:
    # Without it `dept.fire` would admit the groups of `dept.firewall`.
    prefixes = [acl for acl in acls(TOPICS) if acl.pattern == "prefixed"]
    assert {acl.name for acl in prefixes} == {f"{user}." for user in WANTED.users}
    assert all(acl.resource == "group" for acl in prefixes)


def test_nobody_writes_everywhere() -> None:
    assert all(acl.operation in ("read", "describe") for acl in acls(TOPICS) if acl.name == "*")
    assert {acl.principal for acl in acls(TOPICS) if acl.name == "*"} == {"ops"}


def test_partitions_are_a_conflict_never_a_change() -> None:
    current = as_wanted()
    name = INCIDENT_REPORTED.name
    diff = plan(
        replace(current, topics={**current.topics, name: TopicState(6, 1, settings_of(INCIDENT_REPORTED, 1))}), WANTED
    )
    assert len(diff.conflicts) == 1
    assert diff.conflicts[0].startswith(f"{name}: has 6 partitions, 12 are declared")
    assert (diff.create, diff.configure) == ((), {})


def test_too_few_replicas_are_a_conflict() -> None:
    diff = plan(as_wanted(), Wanted.of(TOPICS, replication=3, min_insync=2))
    assert f"{INCIDENT_REPORTED.name}: has 1 replicas, 3 are wanted; reassign its partitions" in diff.conflicts


def test_retention_is_brought_to_what_is_declared() -> None:
    fire = dispatch_topic("fire")
    current = as_wanted()
    found = TopicState(3, 1, {**settings_of(fire, 1), "retention.ms": "1000", "compression.type": "producer"})
    diff = plan(replace(current, topics={**current.topics, fire.name: found}), WANTED)
    assert diff.configure == {fire.name: {"retention.ms": str(90 * 24 * 3600 * 1000)}}


def test_topics_nobody_declares_are_left_alone() -> None:
    current = as_wanted()
    found = replace(
        current,
        topics={**current.topics, "somebody-elses": TopicState(1, 1, {})},
        users={**current.users, "somebody": SCRAM_ITERATIONS},
    )
    assert not plan(found, WANTED)
    assert strangers(found, WANTED) == (["somebody-elses"], ["somebody"])
    assert strangers(current, WANTED) == ([], [])


def test_rights_beyond_the_table_are_revoked_for_ours_and_left_for_strangers() -> None:
    ours = Acl("dept.fire", "topic", "prefixed", "dispatch.", "all")
    gone = Acl("dept.closed", "topic", "literal", "dispatch.closed", "read")
    stranger = Acl("prometheus", "group", "literal", "*", "describe")
    diff = plan(replace(as_wanted(), acls=WANTED.acls | {ours, gone, stranger}), WANTED)
    assert set(diff.revoke) == {ours, gone}
    assert not diff.grant


def test_weak_and_rotated_passwords_are_set_again() -> None:
    current = as_wanted()
    weak = plan(replace(current, users={**current.users, "intake": 4096}), WANTED)
    assert weak.users == ("intake",)
    assert plan(current, WANTED, rotate=["dept.fire"]).users == ("dept.fire",)
