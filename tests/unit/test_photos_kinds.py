"""Every accepted kind becomes the same JPEG, and what is no honest photo is refused by the name of its problem."""

import inspect
import os
import re
from pathlib import Path

import pytest
from PIL import Image

from ops.photo_table import table
from services.intake import kinds
from services.intake.photos import Limits, sanitise
from services.intake.refusals import WORDS, at, refused
from shared.errors import Invalid
from tests.support.photos import (
    AT_P0,
    ORIENTATION,
    STILL,
    exif_of,
    heic,
    jpeg,
    moving,
    png_bomb,
    saved,
    street,
    text_bomb,
    zipped,
)
from tests.unit.test_photos_sanitise import SEVEN_TURNS, difference, opened, refusal, segments

LIMITS = Limits()


@pytest.mark.parametrize("kind", STILL)
def test_each_accepted_kind_becomes_the_same_jpeg(kind: str) -> None:
    photo, plain = sanitise(STILL[kind](street()), LIMITS), sanitise(jpeg(street()), LIMITS)
    assert (photo.width, photo.height) == opened(photo.jpeg).size == (640, 480)
    assert photo.jpeg.startswith(b"\xff\xd8\xff")
    assert photo.thumb.startswith(b"\xff\xd8\xff")
    assert difference(photo.jpeg, plain.jpeg) < 4
    assert bin(int(photo.dhash, 16) ^ int(plain.dhash, 16)).count("1") <= 4


@pytest.mark.parametrize("kind", STILL)
def test_each_kind_is_stored_at_2048_px_or_less(kind: str) -> None:
    photo = sanitise(STILL[kind](street(2560, 320)), LIMITS)
    assert (photo.width, photo.height) == opened(photo.jpeg).size == (2048, 256)


def test_scenario_05_heic_with_gps_becomes_an_upright_jpeg_and_its_place_is_kept() -> None:
    facts = exif_of({0x9003: "2026:07:01 08:01:02", 0x9011: "+08:00"}, AT_P0)
    facts[ORIENTATION] = 6
    photo = sanitise(heic(street().transpose(SEVEN_TURNS[6]), facts), LIMITS)
    assert (photo.width, photo.height) == (640, 480)
    assert difference(photo.jpeg, sanitise(jpeg(street()), LIMITS).jpeg) < 4
    assert photo.gps == (113.58, 37.857)
    assert photo.taken_at is not None
    assert (photo.taken_at.hour, photo.taken_at_has_zone) == (0, True)
    for kept in (photo.jpeg, photo.thumb):
        assert set(segments(kept)) <= {0xE0, 0xDB, 0xC0, 0xC4}
        assert b"SecretPhone" not in kept


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIC"])
def test_scenario_06_other_kinds_become_upright_too(kind: str, orientation: int) -> None:
    stored = street().transpose(SEVEN_TURNS[orientation]) if orientation in SEVEN_TURNS else street()
    facts = Image.Exif()
    facts[ORIENTATION] = orientation
    raw = heic(stored, facts) if kind == "HEIC" else saved(stored, kind, exif=facts)
    photo = sanitise(raw, LIMITS)
    assert (photo.width, photo.height) == (640, 480)
    assert difference(photo.jpeg, sanitise(jpeg(street()), LIMITS).jpeg) < 6


def _transparent() -> Image.Image:
    picture = street().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


@pytest.mark.parametrize(
    ("picture", "middle"),
    [
        (Image.new("RGBA", (40, 40), (200, 0, 0, 0)), (255, 255, 255)),
        (Image.new("LA", (40, 40), (0, 255)), (0, 0, 0)),
        (Image.new("P", (40, 40), 0), (0, 0, 0)),
        (Image.new("1", (40, 40), 1), (255, 255, 255)),
        (Image.new("I;16", (40, 40), 0x8000), (128, 128, 128)),
    ],
    ids=["transparent", "grey-alpha", "palette", "bits", "16-bit"],
)
def test_pictures_that_are_not_rgb_are_seen_as_they_are_meant(
    picture: Image.Image, middle: tuple[int, int, int]
) -> None:
    seen = opened(sanitise(saved(picture, "PNG"), LIMITS).jpeg)
    found = seen.getpixel((20, 20))
    assert isinstance(found, tuple)
    assert max(abs(a - b) for a, b in zip(found, middle, strict=True)) <= 2
    assert sanitise(saved(_transparent().resize((3000, 100)), "PNG"), LIMITS).width == 2048


def _container(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0" * 200


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(raw, code, id=f"{number}-{code}")
        for number, (raw, code) in enumerate(
            [
                (b"", "empty"),
                (b"%PDF-1.7 hello", "not_an_image"),
                (b"<html>", "not_an_image"),
                (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
                (b"\0", "not_an_image"),
                (b"MZ\x90\0", "not_an_image"),
                (zipped(), "not_an_image"),
                (_container(b"mp42"), "not_an_image"),
                (_container(b"qt  "), "not_an_image"),
                (saved(street(), "GIF"), "unsupported_format"),
                (saved(street(), "BMP"), "unsupported_format"),
                (saved(street(), "TIFF"), "unsupported_format"),
                (_container(b"avif"), "unsupported_format"),
                (moving("PNG"), "animated"),
                (moving("GIF"), "animated"),
                (moving("WEBP"), "animated"),
                (_container(b"msf1"), "animated"),
                (_container(b"hevc"), "animated"),
                (b"\xff\xd8\xff", "truncated"),
                (b"\xff\xd8\xff\xe0 no picture follows", "truncated"),
                (b"\x89PNG\r\n\x1a\n no picture follows", "truncated"),
                (b"RIFF\x00\x01\x00\x00WEBPVP8 no picture follows", "truncated"),
                (_container(b"heic"), "truncated"),
            ]
        )
    ],
)
def test_each_bad_file_has_its_code(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


@pytest.mark.parametrize("kind", STILL)
def test_scenario_03_a_cut_off_file_is_refused_whatever_its_kind(kind: str) -> None:
    raw = STILL[kind](street(700, 500))
    for part in (0.05, 0.3, 0.6, 0.9, 0.99):
        assert refusal(raw[: int(len(raw) * part)]) == "truncated", part


HIDDEN = {
    "zip": zipped(),
    "html": b"<html><body>",
    "script": b"<SCRIPT>alert(1)</SCRIPT>",
    "php": b"<?php system($_GET['c']);",
    "rar": b"Rar!\x1a\x07\x01\x00",
    "7z": b"7z\xbc\xaf\x27\x1c",
}


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("kind", STILL)
def test_another_file_behind_the_picture_is_refused(kind: str, hidden: str) -> None:
    assert refusal(STILL[kind](street(64, 64)) + HIDDEN[hidden]) == "polyglot"


def test_another_file_inside_the_picture_is_refused() -> None:
    assert refusal(jpeg(street(), comment=b"<?php system('x'); ?>")) == "polyglot"
    assert refusal(jpeg(street(), comment=b"%PDF-1.4\n1 0 obj")) == "polyglot"
    assert sanitise(jpeg(street(), comment=b"PK and <b>bold</b> words"), LIMITS).width == 640


@pytest.mark.parametrize("side", [7_100, 20_000, 60_000])
def test_bombs_are_refused_before_they_are_decoded(side: int) -> None:
    assert refusal(png_bomb(side)) == "too_many_pixels"
    claimed = bytearray(heic(street(64, 64)))
    size = claimed.index(b"ispe") + 8
    claimed[size : size + 8] = side.to_bytes(4, "big") * 2
    assert refusal(bytes(claimed)) == "too_many_pixels"


def test_a_comment_that_unpacks_without_end_is_refused() -> None:
    raw = text_bomb()
    assert len(raw) < 200_000
    assert refusal(raw) == "truncated"


@pytest.mark.parametrize(
    ("kind", "media_type", "name"),
    [
        ("PNG", "image/jpeg", "a.png"),
        ("PNG", "image/png", "a.jpg"),
        ("JPEG", "image/heic", None),
        ("HEIC", "image/heic", "a.jpeg"),
        ("WebP", "IMAGE/PNG; charset=x", None),
        ("GIF", "image/jpeg", "a.gif"),
    ],
)
def test_a_file_that_says_it_is_another_kind_is_refused(kind: str, media_type: str, name: str | None) -> None:
    raw = saved(street(), "GIF") if kind == "GIF" else STILL[kind](street(64, 64))
    with pytest.raises(Invalid) as told:
        kinds.check_claim(raw, media_type, name)
    assert told.value.problem_code == "mislabelled"


@pytest.mark.parametrize("kind", STILL)
@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        (None, None),
        ("application/octet-stream", "upload"),
        ("image/*", "wx0001.tmp"),
        ("", ""),
        ("text/plain", "a.bin"),
    ],
)
def test_who_says_nothing_says_nothing_wrong(kind: str, media_type: str | None, name: str | None) -> None:
    kinds.check_claim(STILL[kind](street(64, 64)), media_type, name)


def test_what_is_no_picture_is_left_to_its_own_refusal() -> None:
    kinds.check_claim(b"%PDF-1.7", "image/jpeg", "a.jpg")


@pytest.mark.parametrize("code", WORDS)
def test_each_refusal_names_field_code_and_what_to_do_in_both_languages(code: str) -> None:
    error = refused(code, "fact")
    (only,) = error.errors
    assert (only.field, error.problem_code, error.status) == ("photo", code, 422)
    zh, en = WORDS[code]
    assert only.reason == f"{zh} · {en} (fact)"
    assert re.search("[\u4e00-\u9fff]", zh)
    (moved,) = at("photos.1", error).errors
    assert (moved.field, moved.reason) == ("photos.1", only.reason)


def test_every_code_that_is_raised_has_its_words_and_the_other_way_round() -> None:
    from services.intake import decoding, photo_pool, photos

    source = "".join(inspect.getsource(module) for module in (kinds, decoding, photos, photo_pool))
    raised = set(re.findall(r'"(\w+)"', "".join(re.findall(r"refused\(.*", source))))
    assert raised >= set(WORDS)
    assert {word for word in raised if word in WORDS} == set(WORDS)


def samples() -> list[tuple[str, bytes]]:
    """The pictures of the folder that QIANSHAO_PHOTO_SAMPLES names, else some made here."""
    folder = os.environ.get("QIANSHAO_PHOTO_SAMPLES")
    if folder is None:
        return [
            ("plain.jpg", jpeg(street())),
            ("progressive.jpg", jpeg(street(2500, 1200), progressive=True)),
            ("exif.jpg", jpeg(street(), exif=exif_of({0x9003: "2026:07:01 08:01:02"}))),
            ("phone.heic", heic(street(), exif_of(gps=AT_P0))),
        ]
    pictures = [path for path in sorted(Path(folder).iterdir()) if path.suffix.lower() != ".md"]
    assert pictures, f"{folder} holds no photo"
    return [(path.name, path.read_bytes()) for path in pictures]


def test_the_page_explains_each_refusal_in_the_words_that_the_rider_reads() -> None:
    page = (Path(__file__).parents[2] / "docs" / "photos.md").read_text()
    for code, (zh, en) in WORDS.items():
        assert re.search(rf"\| `{code}` \|.*\| {re.escape(zh)} \| {re.escape(en)} \|", page), code


def test_the_page_says_what_became_of_each_sample(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "photos.md").read_text()
    folder = os.environ.get("QIANSHAO_PHOTO_SAMPLES")
    if folder is not None:
        assert "\n".join(table(Path(folder))) in page
    for name, raw in (
        ("a.jpg", jpeg(street())),
        ("b.png", jpeg(street())),
        ("c.heic", heic(street(), exif_of(gps=AT_P0))),
    ):
        (tmp_path / name).write_bytes(raw)
    rows = table(tmp_path)[2:]
    assert "accepted, JPEG | 640 x 480 | - | - |" in rows[0]
    assert "refused: `mislabelled`" in rows[1]
    assert "accepted, HEIC | 640 x 480 | - | 37.857, 113.580 |" in rows[2]


@pytest.mark.parametrize(("name", "raw"), [pytest.param(*sample, id=sample[0]) for sample in samples()])
def test_every_sample_is_handled_or_refused_clearly(name: str, raw: bytes) -> None:
    try:
        kinds.check_claim(raw, None, name)
        photo = sanitise(raw, LIMITS)
    except Invalid as error:
        code = error.problem_code
    else:
        code = ""
    if code:
        assert code in WORDS
        return
    assert opened(photo.jpeg).size == (photo.width, photo.height)
    assert max(photo.width, photo.height) <= 2048
    assert set(segments(photo.jpeg)) <= {0xE0, 0xDB, 0xC0, 0xC4}
    if name.startswith("DSCN"):
        assert photo.gps == pytest.approx((11.88, 43.46), abs=0.02)
        assert photo.taken_at is not None
    if name.startswith("IMG_5195"):
        assert photo.gps == pytest.approx((-94.29, 39.05), abs=0.01)
