"""A report as people see it."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.intake.domain.report import Place, Report
from services.intake.domain.status import Status, points_of
from services.intake.receiving import photo_url

AWAITING_PHOTO = "awaiting_photo"
"""The state of a report that has not gone out yet; all others are its incident's."""


class CategoryOut(BaseModel):
    """What it is, by the reference data."""

    scheme: str
    code: str
    condition: str | None


class PointOut(BaseModel):
    """WGS-84 degrees."""

    lng: float
    lat: float


class PlaceOut(BaseModel):
    """A place in both systems that people need: WGS-84 for devices, GCJ-02 for Chinese maps."""

    wgs84: PointOut
    gcj02: PointOut
    accuracy_m: float
    micro_grid: str | None
    address: str | None


class StepOut(BaseModel):
    """One line of the timeline."""

    at: datetime
    what: str
    department: str | None
    reason: str | None


class PointsOut(BaseModel):
    """Where the rider's points for this report stand, and why."""

    state: str
    points: int
    reason: str
    rule: str | None


class ReportLine(BaseModel):
    """A report as a list shows it."""

    report_id: str
    incident_id: str
    code: str
    state: str = Field(description="awaiting_photo until it goes out, then the state of its incident")
    micro_grid: str | None
    flags: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    photo_ids: tuple[str, ...]
    awaiting_photo_ids: tuple[str, ...] = Field(description="announced, and not arrived yet")
    category: CategoryOut
    emergency: bool
    rider: str
    after_photo_ids: tuple[str, ...] = Field(description="of the rider who put it right himself")
    entered_by: str | None = Field(description="staff who wrote it down for the rider")


class ReportOut(ReportLine):
    """A report as its rider sees it: number, every step, after-photos, points and why."""

    place: PlaceOut = Field(description="where it is by what is known now")
    reported_place: PlaceOut | None = Field(description="where it was reported, if staff have moved it since")
    timeline: list[StepOut]
    after_photos: list[str]
    fixed_at: datetime | None
    points: PointsOut | None


def report_line(report: Report, status: Status) -> ReportLine:
    """One of a list."""
    return ReportLine(
        report_id=report.id,
        incident_id=report.incident,
        code=report.code,
        state=status.state if report.told else AWAITING_PHOTO,
        micro_grid=report.place.grid.micro_grid if report.place.grid else None,
        flags=report.flags,
        captured_at=report.captured_at,
        received_at=report.received_at,
        photo_ids=report.photo_ids,
        awaiting_photo_ids=report.awaiting,
        category=CategoryOut(**report.category, condition=report.condition),
        emergency=report.emergency,
        rider=report.rider,
        after_photo_ids=report.after_photo_ids,
        entered_by=report.entered_by,
    )


def report_out(report: Report, status: Status) -> ReportOut:
    """The whole of it."""
    line = points_of(status, report.rider)
    return ReportOut(
        **report_line(report, status).model_dump(),
        place=_place_out(report.place),
        reported_place=None if report.reported_place is None else _place_out(report.reported_place),
        timeline=_timeline(report, status),
        after_photos=[photo_url(photo) for photo in status.after_photos],
        fixed_at=max((fixed.at for fixed in status.fixed), default=None),
        points=PointsOut(state=line.kind, points=line.points, reason=line.reason, rule=line.rule) if line else None,
    )


def _timeline(report: Report, status: Status) -> list[StepOut]:
    """What became of the incident, and what this report had to do with it: its updates, and where it was moved."""
    steps = [StepOut(at=one.at, what=one.what, department=one.department, reason=one.reason) for one in status.steps]
    own = [StepOut(at=one.at, what=one.kind, department=None, reason=one.text) for one in report.updates]
    moved = [StepOut(at=one.at, what=one.kind, department=None, reason=None) for one in report.moves]
    return sorted((*steps, *own, *moved), key=lambda step: step.at)


def _place_out(place: Place) -> PlaceOut:
    return PlaceOut(
        wgs84=PointOut(lng=place.wgs84.lng, lat=place.wgs84.lat),
        gcj02=PointOut(lng=place.gcj02.lng, lat=place.gcj02.lat),
        accuracy_m=place.accuracy_m,
        micro_grid=place.grid.micro_grid if place.grid else None,
        address=place.address,
    )
