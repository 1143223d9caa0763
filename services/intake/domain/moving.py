"""Reports change incidents when staff merge, part or link them. Each hangs on exactly one, whatever order that is heard in."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.domain.report import Incident, Report

MoveKind = Literal["merged", "unmerged"]


@dataclass(frozen=True, slots=True)
class Heard:
    """Dispatch moved reports from `source` to `target` at `at`, by its clock."""

    kind: MoveKind
    source: str
    target: str
    at: datetime


def goes(report: Report, heard: Heard) -> bool:
    """Whether the report follows: moves of one report are told with two keys, so an older one may be heard after a newer.

    The newest by dispatch's clock counts, also if it finds the report where it goes: what is older must not move it away. Of
    two at one moment it is the one that starts where the report is.
    """
    last = report.moves[-1].at if report.moves else None
    if last is None or heard.at > last:
        return True
    return heard.at == last and report.incident == heard.source != heard.target


def without(incident: Incident, report: str) -> Incident:
    """The incident without the report. Its photos stay known to it: who was shown them has seen them."""
    return replace(incident, reports=tuple(id_ for id_ in incident.reports if id_ != report))


def with_report(incident: Incident, report: Report) -> Incident:
    """The incident with the report and its photos; a second time changes nothing."""
    return replace(
        incident,
        reports=tuple(dict.fromkeys((*incident.reports, report.id))),
        photo_ids=tuple(dict.fromkeys((*incident.photo_ids, *report.shown_photos))),
    )


def pointing(incident: Incident, heard: Heard) -> Incident:
    """The source of a move, which if merged is from now on looked for at its main incident."""
    if heard.kind != "merged" or not _is_news(incident, heard):
        return incident
    return replace(incident, main=heard.target, main_at=heard.at)


def standing(incident: Incident, heard: Heard) -> Incident:
    """The target of a move, which stands alone if what was merged into the source is parted from it again."""
    if incident.main != heard.source or not _is_news(incident, heard):
        return incident
    return replace(incident, main=None, main_at=heard.at)


def _is_news(incident: Incident, heard: Heard) -> bool:
    return incident.main_at is None or heard.at > incident.main_at
