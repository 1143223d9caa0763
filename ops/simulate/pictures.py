"""Photos as phones take them, made from a number: JPEG or HEIC, with or without a place, whole or damaged."""

import io
import random
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

_GPS_IFD = 0x8825
_SIZE = (640, 480)

Format = Literal["jpeg", "heic", "damaged", "text"]


@dataclass(frozen=True, slots=True)
class Picture:
    """`number` makes it unlike all others; `gps` is WGS-84 (lng, lat) and stands in its EXIF."""

    number: int
    format: Format = "jpeg"
    gps: tuple[float, float] | None = None

    @property
    def media_type(self) -> str:
        return "image/heic" if self.format == "heic" else "image/jpeg"


def taken(picture: Picture, salt: str) -> bytes:
    """Its bytes: the same for the same picture and salt."""
    if picture.format == "text":
        return f"{salt} {picture.number}: 这不是照片 this is no photo".encode()
    image = _scene(random.Random(f"{salt}/{picture.number}"))  # noqa: S311 - a picture
    out = io.BytesIO()
    exif = _exif(picture.gps)
    if picture.format == "heic":
        from pillow_heif import from_pillow  # here: of all commands of `qianshao` only this one needs it

        from_pillow(image).save(out, quality=60, exif=exif)
    else:
        image.save(out, "JPEG", quality=75, exif=exif)
    raw = out.getvalue()
    return raw[: len(raw) // 2] if picture.format == "damaged" else raw


def _scene(chance: random.Random) -> Image.Image:
    """Grey ground of its own grain with some things on it, so that no two pictures look alike."""
    grain = Image.frombytes("L", (64, 48), chance.randbytes(64 * 48)).resize(_SIZE)
    image = Image.merge("RGB", (grain, grain, grain))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, size = chance.randrange(600), chance.randrange(440), chance.randrange(30, 220)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(chance.randbytes(3)))
    return image


def _exif(gps: tuple[float, float] | None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Qianshao"
    if gps is not None:
        lng, lat = gps
        exif[_GPS_IFD] = {1: "N", 2: _parts(lat), 3: "E", 4: _parts(lng)}
    return exif.tobytes()


def _parts(degrees: float) -> tuple[float, float, float]:
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 4)
