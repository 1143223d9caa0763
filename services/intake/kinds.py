"""What kind of picture some bytes are, told by the bytes alone, and what is refused before any decoder sees them."""

from typing import Literal

from services.intake.refusals import refused

Kind = Literal["JPEG", "PNG", "WebP", "HEIC"]
"""What is accepted."""

_MEDIA: dict[str, Kind] = {
    "image/jpeg": "JPEG",
    "image/jpg": "JPEG",
    "image/pjpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WebP",
    "image/heic": "HEIC",
    "image/heif": "HEIC",
}
_ENDINGS: dict[str, Kind] = {
    **dict.fromkeys(("jpg", "jpeg", "jpe", "jfif"), "JPEG"),
    "png": "PNG",
    "webp": "WebP",
    **dict.fromkeys(("heic", "heif", "hif"), "HEIC"),
}

_STILL = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2")
_MOVING = (b"hevc", b"hevx", b"hevm", b"hevs", b"msf1", b"avis")


def check(raw: bytes) -> Kind:
    """The kind of picture. Raises `Invalid` with one of not_an_image, unsupported_format, animated, truncated, polyglot."""
    kind, moving = _found(raw)
    if kind is None:
        raise refused("not_an_image")
    if moving:
        raise refused("animated", kind)
    accepted = _accepted(kind)
    if accepted is None:
        raise refused("unsupported_format", kind)
    if hidden := _hidden(raw):
        raise refused("polyglot", hidden)
    if accepted == "HEIC" and not _boxes_end(raw):
        raise refused("truncated")
    return accepted


def check_claim(raw: bytes, media_type: str | None, name: str | None) -> None:
    """Raises `Invalid` (mislabelled) if the sender calls one kind of picture another. Who says nothing says nothing wrong."""
    kind, _ = _found(raw)
    media = (media_type or "").partition(";")[0].strip().lower()
    ending = (name or "").rpartition(".")[2].lower()
    for said, claim in ((media, _MEDIA.get(media)), (f".{ending}", _ENDINGS.get(ending))):
        if kind is not None and claim is not None and claim != kind:
            raise refused("mislabelled", f"{said}, {kind}")


def _accepted(kind: str) -> Kind | None:
    return next((known for known in set(_MEDIA.values()) if known == kind), None)


def _found(raw: bytes) -> tuple[str | None, bool]:
    """The name of the format, None if it is no picture's, and whether the file says that it moves."""
    if raw.startswith(b"\xff\xd8\xff"):
        return "JPEG", False
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", b"acTL" in raw[: raw.find(b"IDAT")]
    if raw.startswith(b"RIFF") and raw[8:12] == b"WEBP":
        return "WebP", raw[12:16] == b"VP8X" and bool(raw[20:21] and raw[20] & 2)
    if raw[4:8] == b"ftyp":
        return _brand(raw[8:12])
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", raw.count(b"\x00\x21\xf9\x04") > 1
    if raw.startswith((b"II*\0", b"MM\0*")):
        return "TIFF", False
    return ("BMP", False) if raw.startswith(b"BM") else (None, False)


def _brand(brand: bytes) -> tuple[str | None, bool]:
    """By the major brand of an ISO media file: films have other ones and are no pictures."""
    if brand in _STILL or brand in _MOVING:
        return "HEIC", brand in _MOVING
    return ("AVIF", False) if brand == b"avif" else (None, False)


def _boxes_end(raw: bytes) -> bool:
    """Whether the boxes of an ISO media file end with it: decoders show a cut-off one as if grey tiles were meant."""
    at = 0
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(raw[at + 8 : at + 16], "big")
        if size == 0:
            return True
        if size < 8 or at + size > len(raw):
            return False
        at += size
    return True


# Another file inside, by what its own reader looks for and wherever in the bytes that reader accepts it; in small letters.
# Each signature has six bytes or more: in 15 MB of noise, fewer would turn up by chance. One search after the other is
# fast: one regular expression for all of them took three times as long as decoding the picture.
_HIDDEN = {
    **dict.fromkeys(
        (b"<script>", b"<script ", b"<script\n", b"<html>", b"<html ", b"<html\n", b"<!doctype html"), "HTML"
    ),
    **dict.fromkeys((b"<?php ", b"<?php\n", b"<?php\r", b"<?php\t"), "PHP"),
    b"rar!\x1a\x07": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
}
_PDF_BYTES = 1024
_ZIP_END, _ZIP_BYTES = b"PK\x05\x06", 22


def _hidden(raw: bytes) -> str | None:
    """The name of a file that the same bytes are as well. A second picture or a film behind it is what phones do."""
    if b"%PDF-" in raw[:_PDF_BYTES]:
        return "PDF"
    end = raw.rfind(_ZIP_END, max(0, len(raw) - _ZIP_BYTES - 0xFFFF))
    if end >= 0 and end + _ZIP_BYTES + int.from_bytes(raw[end + 20 : end + 22], "little") <= len(raw):
        return "ZIP"
    small = raw.lower()
    return next((name for signature, name in _HIDDEN.items() if signature in small), None)
