"""Who saw it: one list as they arrived, and the order in which they are thanked."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from services.dispatch.domain.incident import Incident, Reporter

TRUSTED = timedelta(hours=24)
"""A rider's clock counts if it is at most this far before ours, and not after it."""


def counted_from(reporter: Reporter) -> datetime:
    """The time that decides who was first: the rider's if it can be true, else ours."""
    honest = reporter.received_at - TRUSTED <= reporter.captured_at <= reporter.received_at
    return reporter.captured_at if honest else reporter.received_at


def in_order(reporters: Iterable[Reporter]) -> list[Reporter]:
    """First reporter first; of two at the same moment the one whom we heard first."""
    return sorted(reporters, key=lambda one: (counted_from(one), one.received_at, one.report))


def with_reporters(incident: Incident, *more: Reporter) -> Incident:
    """The incident with these observations too; a report that is known adds nothing."""
    known = {reporter.report for reporter in incident.reporters}
    new = tuple(one for one in more if one.report not in known)
    return replace(incident, reporters=(*incident.reporters, *new))


def saw(incident: Incident, account: str) -> bool:
    """Whether that account has reported it: then somebody else has to decide on it."""
    return any(reporter.rider == account for reporter in incident.reporters)


def entered(incident: Incident, account: str) -> bool:
    """Whether that account has written down a report of it for a rider: then somebody else approves what comes of it."""
    return any(reporter.entered_by == account for reporter in incident.reporters)
