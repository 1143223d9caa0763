"""Checks of what travels between services and departments."""

from collections.abc import Iterable

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding, Level
from ops.groups import Bus
from shared.contracts.topics import DEPARTMENT, dispatch_topic
from shared.kafka.admin import Diff
from shared.reference.departments import Department


def kafka(facts: Facts) -> Iterable[Finding]:
    if isinstance(facts.bus, str):
        yield Finding(
            "kafka", Level.FAULT, facts.bus, "Kafka 在运行吗、口令对吗 is it up, is the login right? #kafka-away"
        )
        return
    for service in facts.services:
        group = facts.bus.groups.get(f"{service}.v1")
        if group is None or not group.members:
            fix = f"重启 restart {service} worker and read its log"
            yield Finding("kafka", Level.FAULT, f"{service}.v1: 消费组无成员 group without members", fix)


def topics(facts: Facts) -> Iterable[Finding]:
    if facts.rights is None:
        yield Finding("topics", Level.SKIPPED, "未告知超级用户口令 no super user", "QIANSHAO_OPS_SUPERUSER_PASSWORD")
    elif isinstance(facts.rights, str):
        yield Finding("topics", Level.FAULT, facts.rights, "见 see kafka, reference")
    else:
        fix = "qianshao topics plan, qianshao topics apply" + (" --local" if facts.embedded else "")
        for sentence in differences(facts.rights):
            yield Finding("topics", Level.FAULT, sentence, fix)


def differences(diff: Diff) -> list[str]:
    """Each in a few words."""
    return [
        *(f"主题缺失 topic missing: {topic.name}" for topic in diff.create),
        *(f"主题设置不符 topic settings differ: {name} {dict(wanted)}" for name, wanted in diff.configure.items()),
        *(f"用户缺失 user missing: {user}" for user in diff.users),
        *(f"权限缺失 right missing: {' '.join(acl)}" for acl in diff.grant),
        *(f"权限多余 right too many: {' '.join(acl)}" for acl in diff.revoke),
        *diff.conflicts,
    ]


def departments(facts: Facts) -> Iterable[Finding]:
    if isinstance(facts.reference, str) or isinstance(facts.bus, str):
        return
    # Nobody's systems are connected to a stack that somebody tries on his own machine.
    level = Level.WARNING if facts.embedded else Level.FAULT
    seen = {code: words for one in facts.stores for code, words in one.deaf.items()}
    for department in facts.reference.departments.values():
        # a group with members that does not move is seen by dispatch alone, by the age of what waits
        if reason := deaf(department, facts.bus) or seen.get(department.code):
            fix = f"联系部门 call the department; docs/department-guide.md; qianshao departments add {department.code}"
            yield Finding("departments", level, f"{department.code} {department.zh}: {reason}", fix)


def deaf(department: Department, bus: Bus) -> str | None:
    """Why nobody hears what this department is told, by its groups' offsets; None if somebody does or nothing was said."""
    topic = dispatch_topic(department.code).name
    if department.contact != "topic" or not bus.held.get(topic):
        return None
    own = f"{DEPARTMENT}{department.code}."
    readers = [group for name, group in bus.groups.items() if name.startswith(own) and topic in group.lag]
    if not readers:
        return f"从未读过 has never read {topic}: {bus.held[topic]} messages"
    waiting = min(group.lag[topic] for group in readers)
    if waiting and not any(group.members for group in readers):
        return f"无人在读 nobody reads {topic} now: {waiting} messages wait"
    return None


def breakers(facts: Facts) -> Iterable[Finding]:
    for one in facts.seen:
        for topic in one.breakers:
            fix = "qianshao dlq ls: 看是谁发来的 see who sends it; docs/runbook.md #breaker-open"
            yield Finding("breakers", Level.FAULT, f"{one.name}: 熔断 breaker open, {topic} is not read", fix)


def relays(facts: Facts) -> Iterable[Finding]:
    for service in facts.services:
        active = [one.name for one in facts.seen if one.service == service and one.relay_active]
        if len(active) > 1:
            fix = "核对各机时钟后逐个重启 compare the machines' clocks, then restart all but one of them"
            yield Finding("relays", Level.FAULT, f"{service}: 多个发件者 two relays: {', '.join(active)}", fix)
    for one in facts.stores:
        if one.books and not one.books.holder:
            fix = f"重启 restart {one.service} worker; docs/runbook.md #outbox-stuck"
            yield Finding("relays", Level.FAULT, f"{one.service}: 无人持有发件租约 nobody holds the relay's lease", fix)
