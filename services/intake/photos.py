"""Photos made safe: decoded, turned upright, made small and written anew, so that nothing of the sender's file is kept.

`sanitise` is pure, synchronous and picklable in and out: it runs in a process pool, because it decodes foreign bytes.
"""

import hashlib
import io
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from PIL import Image

from shared.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted (bytes, pixels, scans of the picture) and what is stored (longest sides in pixels, bytes)."""

    max_bytes: int = 15_000_000
    max_pixels: int = 50_000_000
    # A baseline picture has 1-4 scans, a progressive one about 10. At 49 MP each scan costs 50 ms and needs 75 bytes.
    max_scans: int = 50
    max_side: int = 2048
    thumb_side: int = 320
    # Photos shrink the oplog window; 1.5 MB is what the store was planned for.
    stored_bytes: int = 1_500_000


@dataclass(frozen=True, slots=True)
class SanitisedPhoto:
    """Upright JPEGs without metadata, and the facts that were read before it was dropped.

    `width`, `height` of `jpeg` in pixels. `taken_at` is in UTC if the camera told its offset (`taken_at_has_zone`),
    else naive: the camera's own clock. `gps` is WGS-84 (lng, lat). Both are evidence, never the truth. `dhash`: 64 bits
    as 16 hex digits; two pictures of one scene differ in few bits.
    """

    jpeg: bytes
    thumb: bytes
    width: int
    height: int
    sha256_received: str
    sha256_stored: str
    taken_at: datetime | None
    taken_at_has_zone: bool
    gps: tuple[float, float] | None
    dhash: str


def sanitise(raw: bytes, limits: Limits) -> SanitisedPhoto:
    """The picture in `raw` as it may be kept; the same bytes give the same result.

    Raises `Invalid` on `photo` with one of the codes empty, too_large, not_an_image, unsupported_format, animated,
    truncated (also: damaged), too_many_pixels, too_complex.
    """
    _check_bytes(raw, limits)
    with _refusing_damage(), Image.open(io.BytesIO(raw), formats=["JPEG"]) as source:
        if source.width * source.height > limits.max_pixels:
            raise _refused("too_many_pixels", f"{source.width} x {source.height} is over {limits.max_pixels:,} pixels")
        if _scans(raw) > limits.max_scans:
            raise _refused("too_complex", f"the picture is cut into more than {limits.max_scans} scans")
        exif = _exif(source)
        taken_at, gps = _taken_at(_ifd(exif, _EXIF_IFD)), _gps(_ifd(exif, _GPS_IFD))
        picture = _upright(_shrunk(source, limits.max_side), _orientation(exif))
    small = picture.copy()
    small.thumbnail((limits.thumb_side, limits.thumb_side))
    jpeg = _encoded(picture, limits.stored_bytes)
    return SanitisedPhoto(
        jpeg=jpeg,
        thumb=_encoded(small, limits.stored_bytes),
        width=picture.width,
        height=picture.height,
        sha256_received=hashlib.sha256(raw).hexdigest(),
        sha256_stored=hashlib.sha256(jpeg).hexdigest(),
        taken_at=taken_at,
        taken_at_has_zone=taken_at is not None and taken_at.tzinfo is not None,
        gps=gps,
        dhash=_dhash(small),
    )


def _refused(code: str, reason: str) -> Invalid:
    return Invalid(f"photo: {reason}", FieldError("photo", reason), code=code)


# What may come in: decided by size and first bytes, before any decoder sees them.


def _check_bytes(raw: bytes, limits: Limits) -> None:
    if not raw:
        raise _refused("empty", "there are no bytes")
    if len(raw) > limits.max_bytes:
        raise _refused("too_large", f"{len(raw):,} bytes are over {limits.max_bytes:,}")
    if raw.startswith(b"\xff\xd8\xff"):
        return
    name, moving = _foreign(raw)
    if name is None:
        raise _refused("not_an_image", "these bytes are no picture")
    if moving:
        raise _refused("animated", f"a moving {name} is no photo; send a JPEG")
    raise _refused("unsupported_format", f"{name} is not accepted; send a JPEG")


def _foreign(raw: bytes) -> tuple[str | None, bool]:
    """The name of a picture format that is not accepted, and whether the file says that it moves."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", b"acTL" in raw[: raw.find(b"IDAT")]
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", raw.count(b"\x00\x21\xf9\x04") > 1
    if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
        return "WebP", raw[12:16] == b"VP8X" and bool(raw[20:21] and raw[20] & 2)
    if raw[4:8] == b"ftyp" and raw[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"hevc", b"hevx", b"msf1", b"avis"):
        return "HEIF", raw[8:12] in (b"hevc", b"hevx", b"msf1", b"avis")
    if raw.startswith((b"II*\0", b"MM\0*")):
        return "TIFF", False
    return ("BMP", False) if raw.startswith(b"BM") else (None, False)


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Whatever a decoder says about bad bytes becomes a refusal, and its warning about huge pictures too."""
    try:
        with warnings.catch_warnings():
            # Pillow also warns of every broken EXIF entry; those are simply absent.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("too_many_pixels", str(error)) from error
    except _BROKEN as error:
        raise _refused("truncated", "the picture is damaged or its end is missing") from error


_BROKEN = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, ArithmeticError, struct.error)
"""What Pillow raises on bad bytes, pictures and EXIF alike."""

# A marker with a length behind it, or the end of the image: no stuffed zero, restart, fill byte, TEM or SOI.
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
_END, _SCAN = 0xD9, 0xDA


def _scans(raw: bytes) -> int:
    """How many scans the first picture has; what follows it (a second picture, a film, a zip) is not looked at."""
    scans, at = 0, 2
    while match := _MARKER.search(raw, at):
        code = match[1][0]
        if code == _END:
            break
        scans += code == _SCAN
        at = match.end() + int.from_bytes(raw[match.end() : match.end() + 2], "big")
    return scans


# What is kept of the picture.

# JPEG halves while decoding at a quarter of the cost (12 MP: 75 ms against 290 ms), so up to 5 % below the wanted side
# is taken as it falls: 4000 px become 2000, not 2048.
_NEAR_ENOUGH = 0.95

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _shrunk(source: Image.Image, max_side: int) -> Image.Image:
    """The picture as RGB, at most `max_side` long, decoded at a half, quarter or eighth where that is enough."""
    longest = max(source.size)
    scale = max(s for s in (1, 2, 4, 8) if s == 1 or longest // s >= _NEAR_ENOUGH * max_side)
    source.draft(None, (max(1, source.width // scale), max(1, source.height // scale)))
    source.load()
    ratio = max_side / max(source.size)
    if ratio >= 1:
        return source.convert("RGB")
    size = (max(1, round(source.width * ratio)), max(1, round(source.height * ratio)))
    return source.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).convert("RGB")


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turned as EXIF says; a value that EXIF does not know turns nothing."""
    turn = _TURNS.get(orientation)
    turned = picture if turn is None else picture.transpose(turn)
    # Pillow writes a comment it once read into whatever it saves next.
    turned.info.clear()
    return turned


def _encoded(picture: Image.Image, most: int) -> bytes:
    """A JPEG of at most `most` bytes where quality 40 can reach it: only noise cannot."""
    out = io.BytesIO()
    for quality in (85, 75, 60, 40):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        if out.tell() <= most:
            break
    return out.getvalue()


def _dhash(picture: Image.Image) -> str:
    """Difference hash: is each of 8 x 8 fields brighter than its right neighbour?"""
    grey = picture.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    bits = "".join("1" if grey[9 * row + i] > grey[9 * row + i + 1] else "0" for row in range(8) for i in range(8))
    return f"{int(bits, 2):016x}"


# Facts from EXIF: broken or senseless entries are absent, they never refuse a photo.

_ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x0112, 0x8769, 0x8825
_TIMES = ((0x9003, 0x9011), (0x9004, 0x9012))
"""Taken and digitised, each with its offset; DateTime (0x0132) only says when the file was last changed."""

_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def _exif(source: Image.Image) -> Image.Exif:
    try:
        return source.getexif()
    except _BROKEN:
        return Image.Exif()


def _orientation(exif: Image.Exif) -> int:
    try:
        return int(exif.get(_ORIENTATION, 1))
    except _BROKEN:
        return 1


def _ifd(exif: Image.Exif, tag: int) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(tag)
    except _BROKEN:
        return {}


def _taken_at(entries: Mapping[int, Any]) -> datetime | None:
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


def _zone(offset: re.Match[str]) -> timezone:
    minutes = int(offset[2]) * 60 + int(offset[3])
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def _gps(entries: Mapping[int, Any]) -> tuple[float, float] | None:
    """WGS-84 (lng, lat), rounded to 0.1 m; None without a fix, which some phones write as 0, 0."""
    try:
        lat = _degrees(entries[2], entries[1], "NS")
        lng = _degrees(entries[4], entries[3], "EW")
    except _BROKEN:
        return None
    if not (abs(lat) <= 90 and abs(lng) <= 180) or (lat == 0 and lng == 0):
        return None
    return round(lng, 6), round(lat, 6)


def _degrees(parts: Any, reference: Any, signs: str) -> float:
    """Degrees, minutes, seconds with `reference` N, S, E or W. Raises `ValueError` on another one."""
    degrees, minutes, seconds = (float(part) for part in parts)
    letter = reference.decode("ascii") if isinstance(reference, bytes) else str(reference)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if signs.index(letter.strip(" \0").upper()) else value
