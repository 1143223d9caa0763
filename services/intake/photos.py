"""Photos made safe: decoded, turned upright, made small and written anew, so that nothing of the sender's file is kept.

`sanitise` is pure, synchronous and picklable in and out: it runs in a process pool, because it decodes foreign bytes.
"""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

from services.intake import decoding, exif, kinds
from services.intake.decoding import Limits
from services.intake.refusals import refused

__all__ = ["Limits", "SanitisedPhoto", "sanitise"]


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

    Raises `Invalid` on `photo` with one of the codes of `refusals.WORDS`.
    """
    if not raw:
        raise refused("empty")
    if len(raw) > limits.max_bytes:
        raise refused("too_large", f"{len(raw):,} > {limits.max_bytes:,} bytes")
    kind = kinds.check(raw)
    with decoding.refusing_damage(), decoding.opened(raw, kind, limits) as source:
        facts = exif.read(source)
        taken_at, gps = exif.taken_at(facts), exif.gps(facts)
        picture = decoding.upright(decoding.shrunk(source, limits.max_side), exif.orientation(facts))
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
