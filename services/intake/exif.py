"""Facts from EXIF: broken or senseless entries are absent, they never refuse a photo."""

import re
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import Image

BROKEN = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, ArithmeticError, struct.error)
"""What Pillow raises on bad bytes, pictures and EXIF alike."""

_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
_TIMES = ((0x9003, 0x9011), (0x9004, 0x9012))
"""Taken and digitised, each with its offset; DateTime (0x0132) only says when the file was last changed."""

_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def read(source: Image.Image) -> Image.Exif:
    """What the picture carries; nothing if it cannot be read."""
    try:
        return source.getexif()
    except BROKEN:
        return Image.Exif()


def orientation(exif: Image.Exif) -> int:
    """1 to 8, or whatever else the camera wrote."""
    try:
        return int(exif.get(_ORIENTATION, 1))
    except BROKEN:
        return 1


def taken_at(exif: Image.Exif) -> datetime | None:
    """In UTC if the camera told its offset, else naive: the camera's own clock."""
    entries = _ifd(exif, _EXIF_IFD)
    for time_tag, offset_tag in _TIMES:
        time = _TIME.match(str(entries.get(time_tag, "")).strip())
        offset = _OFFSET.match(str(entries.get(offset_tag, "")).strip())
        if not time:
            continue
        try:
            taken = datetime(*map(int, time.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - no zone was told
            return taken.replace(tzinfo=_zone(offset)).astimezone(UTC) if offset else taken
        except (ValueError, OverflowError):
            continue
    return None


def gps(exif: Image.Exif) -> tuple[float, float] | None:
    """WGS-84 (lng, lat), rounded to 0.1 m; None without a fix, which some phones write as 0, 0."""
    entries = _ifd(exif, _GPS_IFD)
    try:
        lat = _degrees(entries[2], entries[1], "NS")
        lng = _degrees(entries[4], entries[3], "EW")
    except BROKEN:
        return None
    if not (abs(lat) <= 90 and abs(lng) <= 180) or (lat == 0 and lng == 0):
        return None
    return round(lng, 6), round(lat, 6)


def _ifd(exif: Image.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag)
    except BROKEN:
        return {}


def _zone(offset: re.Match[str]) -> timezone:
    minutes = int(offset[2]) * 60 + int(offset[3])
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def _degrees(parts: Any, reference: Any, signs: str) -> float:
    """Degrees, minutes, seconds with `reference` N, S, E or W. Raises `ValueError` on another one."""
    degrees, minutes, seconds = (float(part) for part in parts)
    letter = reference.decode("ascii") if isinstance(reference, bytes) else str(reference)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if signs.index(letter.strip(" \0").upper()) else value
