"""Checks of one machine's or one database's state."""

from collections.abc import Iterable

from ops import status
from ops.doctor import stores
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding, Level

CLOCK_SECONDS = 2.0
"""Tokens allow for 60 s and departments are noted from 120 s on, but deadlines for emergencies are minutes."""


def machine(facts: Facts) -> Iterable[Finding]:
    if facts.machine is None:
        yield Finding(
            "machine", Level.SKIPPED, "非本机内嵌 not the embedded stack: tools, ports and folders are not ours"
        )
        return
    for fault in facts.machine:
        yield Finding("machine", Level.FAULT, fault.what, fault.fix)


def reference(facts: Facts) -> Iterable[Finding]:
    if isinstance(facts.reference, str):
        yield Finding("reference", Level.FAULT, facts.reference, "改正数据 correct the data, or say --reference")
        return
    versions = {one.reference for one in facts.seen if one.reference}
    if versions - {facts.reference.version[:12]}:
        told = ", ".join(f"{one.name} {one.reference}" for one in facts.seen if one.reference)
        what = f"各进程参考数据与文件不一致 files are {facts.reference.version[:12]}, processes decide by {told}"
        yield Finding("reference", Level.FAULT, what, "逐个重启进程 restart the processes one after the other")


def processes(facts: Facts) -> Iterable[Finding]:
    if not facts.seen:
        yield Finding("processes", Level.SKIPPED, "未告知地址 not told where they are", "QIANSHAO_OPS_PROCESSES")
    for one in facts.seen:
        for check, reason in one.failing.items():
            fix = f"看日志 read {facts.logs}; docs/runbook.md #process-down"
            yield Finding("processes", Level.FAULT, f"{one.name}: {check}: {reason}", fix)


def mongodb(facts: Facts) -> Iterable[Finding]:
    for one in facts.stores:
        if one.away:
            fix = "MongoDB 在运行吗、口令对吗 is it up, is the login right? docs/runbook.md #mongodb-away"
            yield Finding("mongodb", Level.FAULT, f"{one.service}: {one.away}", fix)
        elif not one.primary:
            fix = "等待选举 wait for the election (11 s), then rs.status() in mongosh"
            yield Finding("mongodb", Level.FAULT, f"{one.service}: 副本集无主 the replica set has no primary", fix)


def indexes(facts: Facts) -> Iterable[Finding]:
    for one in facts.stores:
        for missing in one.missing:
            fix = f"重启 restart {one.service} api: it makes what is missing when it starts"
            yield Finding("indexes", Level.FAULT, f"{one.service}: 缺少 missing: {missing}", fix)


def work(facts: Facts) -> Iterable[Finding]:
    for books in (one.books for one in facts.stores if one.books):
        name = books.service
        if books.oldest_seconds > status.LATE_SECONDS:
            what = f"{name}: 发件箱停滞 outbox stuck for {books.oldest_seconds:.0f} s"
            yield Finding("work", Level.FAULT, what, "docs/runbook.md #outbox-stuck")
        if books.parked:
            what = f"{name}: {books.parked} 行永远发不出 rows can never be sent"
            yield Finding("work", Level.FAULT, what, "docs/runbook.md #outbox-parked")
        if books.letters or books.dead_keys:
            what = (
                f"{name}: {books.letters} 封死信未处理 open dead letters, {books.dead_keys} 个键被扣 keys held by them"
            )
            yield Finding("work", Level.WARNING, what, f"qianshao dlq ls --service {name}")


def disk(facts: Facts) -> Iterable[Finding]:
    for one in facts.stores:
        if one.disk_free is not None and one.disk_free < stores.DISK_SHARE:
            what = f"{one.service}: 磁盘仅余 only {one.disk_free:.0%} of the disk is free"
            yield Finding("disk", Level.FAULT, what, "腾出空间 make room: MongoDB stops writing when it is full")


def clocks(facts: Facts) -> Iterable[Finding]:
    apart = {one.name: one.skew for one in facts.seen} | {f"MongoDB {one.service}": one.skew for one in facts.stores}
    late = {name: skew for name, skew in apart.items() if skew is not None and abs(skew) > CLOCK_SECONDS}
    for name, seconds in late.items():
        what = f"{name}: 时钟相差 clock differs from ours by {seconds:+.0f} s"
        yield Finding(
            "clocks", Level.FAULT, what, "两边都启用 NTP run NTP on both: deadlines and tokens follow the clocks"
        )


def keys(facts: Facts) -> Iterable[Finding]:
    if facts.keys:
        fix = "换上自己的密钥 put keys of your own in its place: docs/runbook.md, First start"
        yield Finding("keys", Level.FAULT, facts.keys, fix)
    elif facts.keys is None and not facts.embedded:
        yield Finding("keys", Level.SKIPPED, "未告知公钥文件 not told where the public keys are", "QIANSHAO_JWKS")
