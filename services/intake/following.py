"""What else follows from a change of an incident, beside its status: reports that move, and the book of places."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from services.intake import events
from services.intake.domain.moving import Heard, goes, pointing, standing, with_report, without
from services.intake.domain.report import Incident, Move, Report
from services.intake.domain.spot import Spot, mirror, set_apart, spot_of
from services.intake.opening import CODES
from services.intake.ports import Holdings
from shared.context import Context
from shared.ids import public_code
from shared.mongo.work import Command, Ref, Work, more_reads


@dataclass(frozen=True, slots=True)
class Together:
    """Several commands in one transaction, one after the other; each sees what those before it put."""

    commands: tuple[Command[Any], ...]

    def reads(self) -> Iterable[Ref]:
        return [ref for command in self.commands for ref in command.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return [ref for command in self.commands for ref in more_reads(command, work)]

    def decide(self, work: Work) -> None:
        for command in self.commands:
            command.decide(work)


@dataclass(frozen=True, slots=True)
class FollowSpot:
    """Keep the book of places by what the status says by now."""

    holdings: Holdings
    incident: str

    def reads(self) -> Iterable[Ref]:
        return [self.holdings.spots.ref(self.incident), self.holdings.statuses.ref(self.incident)]

    def decide(self, work: Work) -> None:
        spot, status = self.holdings.spots.get(work, self.incident), self.holdings.statuses.get(work, self.incident)
        if spot is not None and status is not None and (after := mirror(spot, status)) != spot:
            self.holdings.spots.put(work, after)


@dataclass(frozen=True, slots=True)
class FollowMoves:
    """Move reports as dispatch moved them: those of `reports`, and of a merged incident also those that joined it meanwhile.

    Nobody but intake knows of the latter at the main incident, so each is published there as joined once more.
    """

    holdings: Holdings
    heard: Heard
    reports: tuple[str, ...]
    subdistrict: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        ends = (self.heard.source, self.heard.target)
        of_ends = [records.ref(end) for end in ends for records in (self.holdings.incidents, self.holdings.spots)]
        listed = [self.holdings.reports.ref(id_) for id_ in self.reports]
        status = self.holdings.statuses.ref(self.heard.target)
        return [*of_ends, *listed, status, Ref(CODES, public_code(self.heard.target))]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        source = self.holdings.incidents.get(work, self.heard.source)
        listed = [self.holdings.reports.get(work, id_) for id_ in self.reports]
        homes = [self.holdings.incidents.ref(report.incident) for report in listed if report is not None]
        return [*homes, *(self.holdings.reports.ref(id_) for id_ in self._all_of(source))]

    def decide(self, work: Work) -> None:
        source = self.holdings.incidents.get(work, self.heard.source)
        found = [self.holdings.reports.get(work, id_) for id_ in dict.fromkeys((*self.reports, *self._all_of(source)))]
        going = [report for report in found if report is not None and goes(report, self.heard)]
        for report in going:
            self._leave(work, report)
        if going:
            self._arrive(work, [self._moved(work, report) for report in going])
        self._point(work)

    def _all_of(self, source: Incident | None) -> tuple[str, ...]:
        return source.reports if source is not None and self.heard.kind == "merged" else ()

    def _leave(self, work: Work, report: Report) -> None:
        home = self.holdings.incidents.get(work, report.incident)
        if home is not None:
            self.holdings.incidents.put(work, without(home, report.id))

    def _moved(self, work: Work, report: Report) -> Report:
        move = Move(self.heard.at, self.heard.kind, report.incident, self.heard.target)
        moved = replace(report, incident=self.heard.target, moves=(*report.moves, move))
        self.holdings.reports.put(work, moved)
        return moved

    def _arrive(self, work: Work, moved: list[Report]) -> None:
        target = self.holdings.incidents.get(work, self.heard.target) or self._parted(work)
        for report in moved:
            target = with_report(target, report)
        late = [report for report in moved if report.id not in self.reports]
        told = [events.sighted(report, "joined", self.context, work.now) for report in late if report.told]
        self.holdings.incidents.put(work, target, *told)
        if self.holdings.spots.get(work, target.id) is None:
            spot = replace(spot_of(moved[0]), code=target.code)
            status = self.holdings.statuses.get(work, target.id)
            self.holdings.spots.put(work, spot if status is None else mirror(spot, status))

    def _parted(self, work: Work) -> Incident:
        """An incident that staff have made of another's reports. Its code is the one that dispatch has given it."""
        code = public_code(self.heard.target)
        if work.get(CODES, code) is None:
            work.put(CODES, {"_id": code, "incident": self.heard.target})
        return Incident(self.heard.target, code, self.subdistrict, (), (), opened_by="")

    def _point(self, work: Work) -> None:
        """Where the one is looked for from now on, and that what was parted is not offered as the same again."""
        for end, change in ((self.heard.source, pointing), (self.heard.target, standing)):
            before = self.holdings.incidents.get(work, end)
            if before is not None and (after := change(before, self.heard)) != before:
                self.holdings.incidents.put(work, after)
        source = self.holdings.spots.get(work, self.heard.source)
        target = self.holdings.spots.get(work, self.heard.target)
        if source is not None and target is not None:
            self._set_apart(work, source, target)

    def _set_apart(self, work: Work, source: Spot, target: Spot) -> None:
        """What the source is not, its main incident is not either."""
        apart = target
        for other in source.not_same if self.heard.kind == "merged" else (source.id,):
            apart = set_apart(apart, other)
        if apart != target:
            self.holdings.spots.put(work, apart)
