"""What everybody may see of an incident by its code: nothing of people, and its place only to 50 m."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians

from services.intake.domain.report import Place, Point, Report
from services.intake.domain.status import Status
from shared.geo import crs

ROUND_METRES = 50.0

WORDS: Mapping[str, tuple[str, str]] = {
    "reported": ("已上报", "reported"),
    "triaged": ("已受理", "taken on"),
    "dispatched": ("已派单", "sent to the department in charge"),
    "in_progress": ("处置中", "being dealt with"),
    "needs_info": ("等待补充信息", "waiting for more information"),
    "temporary_safe": ("已临时防护，待修复", "made safe for now, repair to follow"),
    "resolved": ("已解决", "fixed"),
    "closed": ("已办结", "fixed and closed"),
    "duplicate": ("与另一上报合并处理", "dealt with together with another report"),
    "rejected": ("未立案", "not taken up"),
    "closed_no_action": ("已结束，未处置", "ended without action"),
    "parked": ("已挂账，暂缓处置", "put off, not forgotten"),
}
"""States of an incident as the public page says them: zh-CN, en."""

_METRES_A_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class PublicStep:
    """When it came to a state. Who did it and why is not for everybody."""

    at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """`wgs84` and `gcj02` are the middle of the 50 m that it is in, or of more where the fix was worse (`accuracy_m`)."""

    code: str
    state: str
    category: tuple[str, str]
    wgs84: Point
    gcj02: Point
    accuracy_m: float
    reported_at: datetime
    fixed_at: datetime | None
    steps: tuple[PublicStep, ...]


def public_status(report: Report, place: Place, status: Status, category: tuple[str, str]) -> PublicStatus:
    """The view of an incident whose first report this is; `place` is where it is by what is known now."""
    wgs84 = rounded(place.wgs84)
    return PublicStatus(
        code=report.code,
        state=status.state,
        category=category,
        wgs84=wgs84,
        # from the rounded point: the exact one could be told from the difference of the two
        gcj02=Point(*(round(axis, 6) for axis in crs.to_gcj02(wgs84.lng, wgs84.lat))),
        accuracy_m=max(ROUND_METRES, place.accuracy_m),
        reported_at=report.received_at,
        fixed_at=max((fixed.at for fixed in status.fixed), default=None),
        steps=tuple(PublicStep(step.at, step.what) for step in status.steps if step.what in WORDS),
    )


def rounded(point: Point) -> Point:
    """The nearest point of a net of 50 m: everything within half of that has the same one."""
    step = ROUND_METRES / _METRES_A_DEGREE
    lat = round(point.lat / step) * step
    wide = step / max(cos(radians(lat)), 0.01)
    return Point(round(round(point.lng / wide) * wide, 6), round(lat, 6))
