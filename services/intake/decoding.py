"""From foreign bytes to an upright picture that is no larger than wanted; whatever a decoder says becomes a refusal."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from services.intake import exif, kinds
from services.intake.refusals import refused


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


def opened(raw: bytes, kind: kinds.Kind, limits: Limits) -> Image.Image:
    """The picture behind its own decoder alone, still to be decoded unless it is HEIC. Raises what decoders raise."""
    if kind == "HEIC":
        return _opened_heic(raw, limits)
    source = Image.open(io.BytesIO(raw), formats=[kind.upper()])
    _check_pixels(source.size, limits)
    if kind == "JPEG" and _scans(raw) > limits.max_scans:
        raise refused("too_complex", f"> {limits.max_scans} scans")
    if kind != "JPEG" and getattr(source, "is_animated", False):  # a JPEG may hold a second picture, for depth and such
        raise refused("animated", kind)
    return source


def _opened_heic(raw: bytes, limits: Limits) -> Image.Image:
    """The first picture, turned as its container says; its EXIF no longer says so then."""
    import pi_heif  # here: an api that gets no HEIC loads no decoder for it

    container = pi_heif.open_heif(io.BytesIO(raw))
    _check_pixels(container.size, limits)
    picture: Image.Image = container.to_pillow()
    return picture


def _check_pixels(size: tuple[int, int], limits: Limits) -> None:
    if size[0] * size[1] > limits.max_pixels:
        raise refused("too_many_pixels", f"{size[0]} x {size[1]} > {limits.max_pixels:,}")


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Whatever a decoder says about bad bytes becomes a refusal, and its warning about huge pictures too."""
    try:
        with warnings.catch_warnings():
            # Pillow also warns of every broken EXIF entry; those are simply absent.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refused("too_many_pixels") from error
    except MemoryError as error:
        raise refused("too_complex", "memory") from error
    except (*exif.BROKEN, RuntimeError) as error:
        raise refused("too_many_pixels" if _LIMIT in str(error) else "truncated") from error


_LIMIT = "ecurity limit"
"""What libheif says of a picture that claims to be larger than any it decodes."""

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


def shrunk(source: Image.Image, max_side: int) -> Image.Image:
    """The picture as RGB, at most `max_side` long, decoded at a half, quarter or eighth where that is enough."""
    longest = max(source.size)
    scale = max(s for s in (1, 2, 4, 8) if s == 1 or longest // s >= _NEAR_ENOUGH * max_side)
    source.draft(None, (max(1, source.width // scale), max(1, source.height // scale)))
    source.load()
    plain = _plain(source)
    ratio = max_side / max(source.size)
    if ratio >= 1:
        return plain.convert("RGB")
    size = (max(1, round(source.width * ratio)), max(1, round(source.height * ratio)))
    return plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).convert("RGB")


def _plain(source: Image.Image) -> Image.Image:
    """Without palette, transparency (on white) and 16-bit grey, which cannot be made small or become RGB as they are."""
    if source.mode.startswith("I"):
        return source.convert("I").point(lambda value: value / 256).convert("L")
    if not source.has_transparency_data:
        return source.convert("RGB") if source.mode in ("1", "P") else source
    seen = source.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen)


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turned as EXIF says; a value that EXIF does not know turns nothing."""
    turn = _TURNS.get(orientation)
    turned = picture if turn is None else picture.transpose(turn)
    # Pillow writes a comment it once read into whatever it saves next.
    turned.info.clear()
    return turned
