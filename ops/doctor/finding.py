"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A fault needs somebody now; a warning is work or a risk; skipped says why nothing was looked at."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is stable; `what` and `fix` are for people, `fix` empty where nothing is to be done."""

    check: str
    level: Level
    what: str
    fix: str = ""
