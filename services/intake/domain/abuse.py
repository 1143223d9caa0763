"""What about a report people should look at. Nothing here refuses anything: a flag is a question to a desk."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared.geo import crs

AbuseFlag = Literal["same_photo", "implausible_speed", "late_capture", "too_many_reports"]

AHEAD = timedelta(minutes=5)
"""A phone's clock may be so much ahead."""

TRUSTED = timedelta(hours=24)
"""A capture may lie so long before its receipt: longer than a shift without signal."""

PHOTO_APART = timedelta(hours=2)
"""A photo's own time may be so far from the moment that the report names."""

PICTURES_KEPT = timedelta(days=30)
SAME_BITS = 6
"""Two pictures whose 64-bit difference hashes differ in no more bits are taken for one that was sent twice."""

FLAT_BITS = 4
"""A hash with fewer bits set, or fewer clear, is of a picture with nothing on it: all dark ones are alike."""

KMH = 120.0
REPORTS_AN_HOUR = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to look. `value` says how much: bits that differ, km/h, seconds, or reports in an hour. `photo` is of this
    report; `other_report` and `other_photo` are what it was compared with."""

    flag: AbuseFlag
    value: float
    photo: str | None = None
    other_report: str | None = None
    other_photo: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What is compared of a photo that a report names. `sha256` is of the bytes received, `dhash` 16 hex digits."""

    photo: str
    sha256: str
    dhash: str
    taken_at: datetime | None = None
    report: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a rider was, and when by his clock."""

    report: str
    lng: float
    lat: float
    accuracy_m: float
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What is known from before: pictures of other reports that might be the same, the rider's reports just before and just
    after by his clock, and how many reports came from him within the last hour."""

    pictures: tuple[Picture, ...] = ()
    nearby: tuple[Sighting, ...] = ()
    last_hour: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """The report to be looked at. `by_himself`: the rider sent it, so its place and time are those of his phone."""

    sighting: Sighting
    received_at: datetime
    pictures: tuple[Picture, ...] = field(default=())
    by_himself: bool = True


def examine(facts: Facts, past: Past) -> tuple[Finding, ...]:
    """Everything worth a look, in a fixed order. What staff entered for a rider is compared by its pictures only."""
    found = [*_same_pictures(facts.pictures, past.pictures)]
    if facts.by_himself:
        found += _speeds(facts.sighting, past.nearby)
        found += [*_late(facts.sighting.captured_at, facts.received_at), *_far(facts)]
        if past.last_hour + 1 > REPORTS_AN_HOUR:
            found.append(Finding("too_many_reports", past.last_hour + 1))
    return tuple(found)


def examine_late(facts: Facts, past: Past) -> tuple[Finding, ...]:
    """What is worth a look in pictures that come after their report: all else was looked at when it came."""
    return (*_same_pictures(facts.pictures, past.pictures), *(_far(facts) if facts.by_himself else ()))


def flags_in(findings: Iterable[Finding]) -> tuple[AbuseFlag, ...]:
    """Each flag once."""
    return tuple(dict.fromkeys(finding.flag for finding in findings))


def is_late(captured_at: datetime, received_at: datetime) -> bool:
    """Whether a capture is too far from its receipt to be believed without a look."""
    return captured_at > received_at + AHEAD or captured_at < received_at - TRUSTED


def counted_at(captured_at: datetime, received_at: datetime) -> datetime:
    """The moment that counts: the rider's, if it is neither in the future nor too long ago."""
    return captured_at if received_at - TRUSTED <= captured_at <= received_at else received_at


def bands(dhash: str) -> tuple[str, ...]:
    """Eight keys; two hashes that differ in at most seven bits share at least one of them. None for a flat picture."""
    if is_flat(dhash):
        return ()
    return tuple(f"{place}{dhash[2 * place : 2 * place + 2]}" for place in range(8))


def is_flat(dhash: str) -> bool:
    """Whether there is nothing on the picture that could be compared."""
    ones = int(dhash, 16).bit_count()
    return not FLAT_BITS <= ones <= 64 - FLAT_BITS


def _same_pictures(own: Iterable[Picture], others: Iterable[Picture]) -> list[Finding]:
    """For each of the report's pictures the one that is most like it."""
    before = list(others)
    found = [_most_alike(picture, before) for picture in own]
    return [finding for finding in found if finding is not None]


def _most_alike(picture: Picture, others: list[Picture]) -> Finding | None:
    alike = [(bits, other) for other in others if (bits := _bits(picture, other)) is not None]
    if not alike:
        return None
    bits, other = min(alike, key=lambda pair: (pair[0], pair[1].photo))
    return Finding("same_photo", bits, picture.photo, other.report, other.photo)


def _bits(one: Picture, other: Picture) -> int | None:
    """How many bits two pictures differ in, None if they are different pictures."""
    if one.sha256 == other.sha256:
        return 0
    if is_flat(one.dhash) or is_flat(other.dhash):
        return None
    bits = (int(one.dhash, 16) ^ int(other.dhash, 16)).bit_count()
    return bits if bits <= SAME_BITS else None


def _speeds(here: Sighting, others: Iterable[Sighting]) -> list[Finding]:
    """The fastest ride that there must have been, if it is too fast."""
    rides = [(kmh(here, other), other) for other in others]
    fast = [(speed, other) for speed, other in rides if speed > KMH]
    if not fast:
        return []
    speed, other = max(fast, key=lambda pair: (pair[0], pair[1].report))
    return [Finding("implausible_speed", round(speed, 1), other_report=other.report)]


def kmh(one: Sighting, other: Sighting) -> float:
    """The least speed that gets from one to the other: between the nearest points that both fixes allow for."""
    apart = crs.distance_m((one.lng, one.lat), (other.lng, other.lat)) - one.accuracy_m - other.accuracy_m
    seconds = max(abs((one.captured_at - other.captured_at).total_seconds()), 1.0)
    return max(apart, 0.0) / seconds * 3.6


def _late(captured_at: datetime, received_at: datetime) -> list[Finding]:
    """The capture against the server's clock."""
    late = is_late(captured_at, received_at)
    return [Finding("late_capture", (received_at - captured_at).total_seconds())] if late else []


def _far(facts: Facts) -> list[Finding]:
    """The photo that is furthest from the capture, if it is too far."""
    captured_at = facts.sighting.captured_at
    taken = [(abs((p.taken_at - captured_at).total_seconds()), p) for p in facts.pictures if p.taken_at is not None]
    far = [pair for pair in taken if pair[0] > PHOTO_APART.total_seconds()]
    if not far:
        return []
    seconds, picture = max(far, key=lambda pair: (pair[0], pair[1].photo))
    return [Finding("late_capture", seconds, picture.photo)]
