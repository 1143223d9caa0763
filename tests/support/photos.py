"""Pictures made here, as cameras and crooks make them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import pillow_heif
from PIL import Image, ImageDraw

ORIENTATION, MAKE, EXIF_IFD, GPS_IFD = 0x0112, 0x010F, 0x8769, 0x8825
AT_P0: dict[int, object] = {1: "N", 2: (37.0, 51.0, 25.2), 3: "E", 4: (113.0, 34.0, 48.0)}
"""GPS entries of P0 of the scenarios: WGS-84 (113.58, 37.857)."""


def street(width: int = 640, height: int = 480) -> Image.Image:
    """A picture whose four corners and middle tell every turn apart."""
    down = Image.linear_gradient("L")
    picture = Image.blend(down, down.transpose(Image.Transpose.ROTATE_90), 0.5).resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width // 3, height // 4), fill="red")
    draw.rectangle((width * 3 // 4, 0, width, height // 3), fill="blue")
    draw.ellipse((width // 4, height // 2, width // 2, height * 7 // 8), fill="green")
    return picture


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """What no coder can make small."""
    return Image.frombytes("RGB", (width, height), Random(seed).randbytes(width * height * 3))


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    return saved(picture, "JPEG", **{"quality": 92, **options})


def heic(picture: Image.Image, exif: Image.Exif | None = None) -> bytes:
    """As an iPhone writes it: turned by its container, and EXIF says the same."""
    out = io.BytesIO()
    container = pillow_heif.from_pillow(picture)
    container.save(out, quality=80, **({"exif": exif.tobytes()} if exif else {}))
    return out.getvalue()


def exif_of(entries: dict[int, object] | None = None, gps: dict[int, object] | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[MAKE] = "SecretPhone"
    exif.get_ifd(EXIF_IFD).update(entries or {})
    exif.get_ifd(GPS_IFD).update(gps or {})
    return exif


def moving(kind: str, frames: int = 3) -> bytes:
    pictures = [Image.new("RGB", (20, 20), (40 * i, 0, 0)) for i in range(frames)]
    return saved(pictures[0], kind, save_all=True, append_images=pictures[1:])


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.sh", "echo")
    return out.getvalue()


def png_bomb(side: int) -> bytes:
    """A few kilobytes that are `side` x `side` pixels."""
    row = zlib.compress(b"\0" * (side + 1) * min(side, 2_000), 9)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", row), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def text_bomb() -> bytes:
    """A picture whose comment is 100 MB when unpacked."""
    picture = saved(Image.new("RGB", (8, 8)), "PNG")
    at = picture.index(b"IDAT") - 4
    comment = b"Comment\0\0" + zlib.compress(b"a" * 100_000_000, 9)
    return picture[:at] + _chunk(b"zTXt", comment) + picture[at:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


STILL: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": jpeg,
    "PNG": lambda picture: saved(picture, "PNG"),
    "WebP": lambda picture: saved(picture, "WEBP", quality=92),
    "HEIC": heic,
}
"""Every kind that is accepted."""
