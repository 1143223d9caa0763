"""Reports whose photos are still on their way: what goes out when, and what staff are told in the end.

An emergency goes out at once. Another report waits for its last photo, at most `PATIENCE`, and then goes out marked. A
photo that has not come after `GIVEN_UP` is marked as missing; should it come later still, it is added all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.intake.domain.report import CONFLICT_METRES, Flag, Report

PATIENCE = timedelta(minutes=10)
GIVEN_UP = timedelta(hours=24)
"""Both count from `received_at`."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The report as it now is; whether its incident goes out now; the photos that have come since it went out."""

    report: Report
    goes_out: bool
    added: tuple[str, ...]


def begin(report: Report) -> Report:
    """A new report as it is stored: it goes out (`told`) unless it can wait for photos."""
    if not report.awaiting:
        return replace(report, told=True)
    return _timed(replace(report, told=report.emergency, flags=with_flag(report.flags, "awaiting_photo")))


def settle(report: Report, arrived: Mapping[str, float | None], now: datetime) -> Settled:
    """What is due by now. `arrived`: which of the awaited photos are there, each with the metres between its own place and
    the declared one. Asked again with nothing new, it changes nothing."""
    come = tuple(id_ for id_ in report.awaiting if id_ in arrived)
    left = tuple(id_ for id_ in report.awaiting if id_ not in arrived)
    flags = report.flags
    if any((arrived[id_] or 0.0) > CONFLICT_METRES for id_ in come):
        flags = with_flag(flags, "location_conflict")
    if not left:
        flags = tuple(flag for flag in flags if flag not in ("awaiting_photo", "photo_missing"))
    elif now >= report.received_at + GIVEN_UP:
        flags = with_flag(flags, "photo_missing")
    goes_out = not report.told and (not left or now >= report.received_at + PATIENCE)
    after = replace(
        report,
        photo_ids=(*report.photo_ids, *come),
        awaiting=left,
        told=report.told or goes_out,
        flags=flags,
    )
    return Settled(_timed(after), goes_out, come if report.told else ())


def with_flag(flags: tuple[Flag, ...], flag: Flag) -> tuple[Flag, ...]:
    """The flags and this one, once."""
    return flags if flag in flags else (*flags, flag)


def _timed(report: Report) -> Report:
    """With the next moment at which something happens to it by itself."""
    if not report.awaiting or "photo_missing" in report.flags:
        return replace(report, wake_at=None)
    return replace(report, wake_at=report.received_at + (GIVEN_UP if report.told else PATIENCE))
