"""`qianshao doctor`: every check is a function from facts to findings, and every finding says how to mend it."""

from collections.abc import Callable, Iterable

from ops.doctor import state, transport
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding, Level

Check = Callable[[Facts], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "machine": state.machine,
    "reference": state.reference,
    "keys": state.keys,
    "mongodb": state.mongodb,
    "indexes": state.indexes,
    "disk": state.disk,
    "kafka": transport.kafka,
    "topics": transport.topics,
    "processes": state.processes,
    "clocks": state.clocks,
    "relays": transport.relays,
    "breakers": transport.breakers,
    "work": state.work,
    "departments": transport.departments,
}
"""In the order in which one mends: what stands earlier is often why what stands later fails."""


def examine(facts: Facts) -> list[Finding]:
    """Every check's findings; one that found nothing says so."""
    return [
        finding for name, check in CHECKS.items() for finding in list(check(facts)) or [Finding(name, Level.OK, "")]
    ]


def faulty(findings: Iterable[Finding]) -> bool:
    """Whether somebody is needed now."""
    return any(finding.level is Level.FAULT for finding in findings)
