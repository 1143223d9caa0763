"""Staff have moved an incident: its place here, and that of its reports, is where it now is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.intake.domain.report import GridPath, Place, Point, move_report
from services.intake.ports import Incidents, Reports
from shared.contracts import vocabulary as words
from shared.mongo.work import Command, Ref, Work


@dataclass(frozen=True, slots=True)
class FollowPlace:
    """Carry out `inner`, the view of the same event, and move the incident with its reports. Older news move nothing."""

    incidents: Incidents
    reports: Reports
    incident: str
    sequence: int
    place: words.Place
    inner: Command[None]

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.incident), *self.inner.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        incident = self.incidents.get(work, self.incident)
        return [] if incident is None else [self.reports.ref(id_) for id_ in incident.reports]

    def decide(self, work: Work) -> None:
        self.inner.decide(work)
        incident = self.incidents.get(work, self.incident)
        if incident is None or self.sequence <= incident.moved_by:
            return
        place = _place(self.place)
        self.incidents.put(work, replace(incident, place=place, moved_by=self.sequence))
        for id_ in incident.reports:
            report = self.reports.get(work, id_)
            if report is not None:
                self.reports.put(work, move_report(report, place))


def _place(given: words.Place) -> Place:
    """Dispatch says where it is in WGS-84, so that is also what was received."""
    grid = given.grid
    wgs84 = Point(given.wgs84.lng, given.wgs84.lat)
    return Place(
        raw=wgs84,
        crs="wgs84",
        wgs84=wgs84,
        gcj02=Point(given.gcj02.lng, given.gcj02.lat),
        accuracy_m=given.accuracy_m,
        address=given.address,
        grid=None if grid is None else GridPath(grid.subdistrict, grid.community, grid.basic_grid, grid.micro_grid),
    )
