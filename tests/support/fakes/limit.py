"""How much a provider bears, counted over any 60 seconds and any second."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.clock import Clock

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@dataclass
class Window:
    """`calls`: every one that came, whether it was let in or not; `taken`: those that were."""

    clock: Clock
    per_minute: int
    per_second: int | None = None
    penalty: timedelta = timedelta()
    calls: list[datetime] = field(default_factory=list)
    taken: list[datetime] = field(default_factory=list)
    blocked_until: datetime | None = None

    def admits(self) -> bool:
        """Whether one more is let in now; if so it counts."""
        now = self.clock()
        self.calls.append(now)
        if self.blocked_until is not None and now < self.blocked_until:
            return False
        if self._within(now, MINUTE) >= self.per_minute:
            self.blocked_until = now + self.penalty if self.penalty else None
            return False
        if self.per_second is not None and self._within(now, SECOND) >= self.per_second:
            return False
        self.taken.append(now)
        return True

    def _within(self, now: datetime, span: timedelta) -> int:
        return sum(1 for at in self.taken if at > now - span)

    def most(self, span: timedelta = MINUTE) -> int:
        """The most calls in any such span, beginning with a call."""
        return max((sum(1 for at in self.calls if first <= at < first + span) for first in self.calls), default=0)
