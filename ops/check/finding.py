"""What a rule says of a snapshot."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ops.check.snapshot import Snapshot

NOTHING = "数到零个，不能算通过 counted nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """`counted`: how many things were looked at. A rule that counted nothing has not held, it was not looked at."""

    rule: int
    zh: str
    en: str
    counted: int
    violations: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.violations


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of events.md. `look` is pure and returns how much it looked at, and each violation as a sentence."""

    number: int
    zh: str
    en: str
    look: Callable[[Snapshot], tuple[int, Iterable[str]]]

    def judge(self, snapshot: Snapshot) -> Finding:
        counted, found = self.look(snapshot)
        violations = tuple(found) if counted else (NOTHING,)
        return Finding(self.number, self.zh, self.en, counted, violations)
