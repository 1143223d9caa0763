"""What is paid: one version of the points rules, and which of several holds for what was seen when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the hazard table. `limit` and `within` bound who counts beside the first; None is no bound."""

    rule: str
    points: int
    emergency_points: int
    limit: int | None = None
    within: timedelta | None = None

    def pays(self, *, emergency: bool) -> int:
        """Whole points."""
        return self.emergency_points if emergency else self.points


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """What one of the seven activities pays. Caps in points per rider; `cooldown` between two that are paid."""

    activity: str
    points: int
    once_per_event: bool = False
    cap_day: int | None = None
    cap_month: int | None = None
    cooldown: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of the rules; every entry names it. It holds for what was seen from `since` on.

    `trusted`: how long before receipt a rider's clock may be and still count. Caps are those of hazards, in points per
    rider, None is no cap. An award of more than `alone_up_to` points needs a second approver.
    """

    version: str
    reference_version: str
    trusted: timedelta
    first: Row
    co_reporter: Row
    self_fixed: Row
    outstanding: Row = Row("hazard_outstanding", 20, 20)
    cap_day: int | None = None
    cap_month: int | None = None
    activities: Mapping[str, ActivityRule] = field(default_factory=dict)
    alone_up_to: int = 20
    since: datetime = EVER

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that an incident may pay by."""
        return self.first.rule, self.co_reporter.rule, self.self_fixed.rule


@dataclass(frozen=True, slots=True)
class Tariffs:
    """All versions of one sub-district's rules, the oldest first; never empty."""

    versions: tuple[Tariff, ...]

    @classmethod
    def of(cls, versions: Iterable[Tariff]) -> "Tariffs":
        """In whatever order."""
        return cls(tuple(sorted(versions, key=lambda tariff: tariff.since)))

    def at(self, moment: datetime) -> Tariff:
        """What holds for something seen then; before all of them, the oldest."""
        held = [tariff for tariff in self.versions if tariff.since <= moment]
        return held[-1] if held else self.versions[0]

    def named(self, version: str) -> Tariff | None:
        """The version of this name, None if the reference data no longer has it."""
        return next((tariff for tariff in self.versions if tariff.version == version), None)

    @property
    def awards(self) -> tuple[str, ...]:
        """The same, with what people award beside it."""
        return tuple(dict.fromkeys([*self.rules, *(tariff.outstanding.rule for tariff in self.versions)]))

    @property
    def rules(self) -> tuple[str, ...]:
        """Every rule that the resolution of an incident may ever have paid by."""
        return tuple(dict.fromkeys(rule for tariff in self.versions for rule in tariff.rules))
