"""Photos: upright, small, without a trace of the sender, and every bad file refused with its own code."""

import io
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from random import Random

import pytest
from PIL import Image, ImageChops, ImageStat

from services.intake.photos import Limits, SanitisedPhoto, sanitise
from shared.errors import Invalid
from tests.support.photos import ORIENTATION, exif_of, jpeg, noise, street

LIMITS = Limits()
SEVEN_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera held so stores the picture: the inverse of what a viewer must do."""


def opened(raw: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(raw))
    picture.load()
    return picture


def difference(a: bytes, b: bytes) -> float:
    """Mean difference of two pictures of one size, in grey levels."""
    return float(sum(ImageStat.Stat(ImageChops.difference(opened(a), opened(b))).mean) / 3)


def refusal(raw: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Invalid) as refused:
        sanitise(raw, limits)
    assert refused.value.status == 422
    assert [error.field for error in refused.value.errors] == ["photo"]
    return refused.value.problem_code


def segments(raw: bytes) -> list[int]:
    """The markers of a JPEG up to its first scan."""
    found, at = [], 2
    while raw[at] == 0xFF and raw[at + 1] != 0xDA:
        found.append(raw[at + 1])
        at += 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    return found


@pytest.mark.parametrize("orientation", range(1, 9))
def test_scenario_06_each_orientation_becomes_the_same_upright_picture(orientation: int) -> None:
    upright = street()
    stored = upright.transpose(SEVEN_TURNS[orientation]) if orientation in SEVEN_TURNS else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photo = sanitise(jpeg(stored, exif=exif), LIMITS)
    plain = sanitise(jpeg(upright), LIMITS)
    assert (photo.width, photo.height) == opened(photo.jpeg).size == (640, 480)
    assert difference(photo.jpeg, plain.jpeg) < 2
    assert difference(photo.thumb, plain.thumb) < 2
    assert photo.dhash == plain.dhash


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert sanitise(jpeg(street(), exif=exif), LIMITS).width == 640


@pytest.mark.parametrize(
    ("size", "stored"),
    [
        ((4000, 3000), (2000, 1500)),  # scenario 4: an exact half is taken as it falls
        ((3000, 4000), (1500, 2000)),
        ((3264, 2448), (2048, 1536)),
        ((4624, 3468), (2048, 1536)),
        ((2048, 1000), (2048, 1000)),
        ((100, 50), (100, 50)),
        ((9000, 2), (2048, 1)),
    ],
)
def test_scenario_04_it_is_stored_at_2048_px_or_less(size: tuple[int, int], stored: tuple[int, int]) -> None:
    photo = sanitise(jpeg(street(*size)), LIMITS)
    assert (photo.width, photo.height) == stored == opened(photo.jpeg).size
    assert max(opened(photo.thumb).size) == min(320, *[max(size)])
    assert len(photo.jpeg) <= LIMITS.stored_bytes


def test_noise_is_squeezed_into_the_size_that_is_stored() -> None:
    raw = jpeg(noise(1500, 1500))
    loose, tight = sanitise(raw, Limits(stored_bytes=9_000_000)), sanitise(raw, LIMITS)
    assert len(loose.jpeg) > LIMITS.stored_bytes >= len(tight.jpeg)


def test_nothing_of_the_senders_file_is_left() -> None:
    gps: dict[int, object] = {1: "N", 2: (37.0, 51.0, 25.2), 3: "E", 4: (113.0, 34.0, 48.0)}
    raw = jpeg(
        street(), exif=exif_of({0x9003: "2026:07:01 08:01:00"}, gps), comment=b"SecretNote", icc_profile=b"SecretColours",
        xmp=b"<x:xmpmeta>SecretPacket</x:xmpmeta>", dpi=(300, 300),
    )  # fmt: skip
    raw += b"\0\0\0\x18ftypmp42SecretFilm" * 110  # a moving photo
    assert raw.count(b"Secret") > 100
    photo = sanitise(raw, LIMITS)
    for kept in (photo.jpeg, photo.thumb):
        assert b"Secret" not in kept
        # JFIF, tables, frame: no other application segment and no comment; nothing after the end of the picture.
        assert set(segments(kept)) <= {0xE0, 0xDB, 0xC0, 0xC4}
        assert kept.endswith(b"\xff\xd9")
        assert not opened(kept).getexif()
    assert photo.gps == (113.58, 37.857)


@pytest.mark.parametrize(
    ("entries", "taken_at"),
    [
        ({0x9003: "2026:07:01 08:01:02"}, datetime(2026, 7, 1, 8, 1, 2)),  # noqa: DTZ001 - the camera told no zone
        ({0x9003: "2026:07:01 08:01:02", 0x9011: "+08:00"}, datetime(2026, 7, 1, 0, 1, 2, tzinfo=UTC)),
        ({0x9003: "2026:07:01 08:01:02", 0x9011: "-03:30"}, datetime(2026, 7, 1, 11, 31, 2, tzinfo=UTC)),
        ({0x9004: "2026:07:01 08:01:02", 0x9012: "+00:00"}, datetime(2026, 7, 1, 8, 1, 2, tzinfo=UTC)),
        ({0x9003: "0000:00:00 00:00:00"}, None),
        ({0x9003: "2026:02:30 08:01:02"}, None),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: "0001:01:01 00:00:00", 0x9011: "+08:00"}, None),
        ({0x9003: "2026:07:01 08:01:02", 0x9011: "+99:00"}, None),
        ({}, None),
    ],
)
def test_the_cameras_time_is_kept_as_a_fact(entries: dict[int, object], taken_at: datetime | None) -> None:
    photo = sanitise(jpeg(street(), exif=exif_of(entries)), LIMITS)
    assert photo.taken_at == taken_at
    assert photo.taken_at_has_zone == (taken_at is not None and taken_at.tzinfo is not None)


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "N", 2: (37.0, 51.0, 25.2), 3: "E", 4: (113.0, 34.0, 48.0)}, (113.58, 37.857)),
        ({1: "S", 2: (37.0, 51.0, 25.2), 3: "W", 4: (113.0, 34.0, 48.0)}, (-113.58, -37.857)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (113.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (37.0, 51.0, 25.2), 4: (113.0, 34.0, 48.0)}, None),
        ({1: "X", 2: (37.0, 51.0, 25.2), 3: "E", 4: (113.0, 34.0, 48.0)}, None),
        ({}, None),
    ],
)
def test_the_cameras_place_is_kept_as_a_fact(gps: dict[int, object], place: tuple[float, float] | None) -> None:
    assert sanitise(jpeg(street(), exif=exif_of(gps=gps)), LIMITS).gps == place


def test_broken_exif_is_absent_and_refuses_nothing() -> None:
    raw = jpeg(street(), exif=exif_of({0x9003: "2026:07:01 08:01:02"}))
    start = raw.index(b"Exif\0\0") + 6
    random = Random(3)
    for _ in range(100):
        spoilt = bytearray(raw)
        for _ in range(8):
            spoilt[start + random.randrange(100)] = random.randrange(256)
        assert sanitise(bytes(spoilt), LIMITS).height in (480, 640)


def test_scenario_03_a_file_cut_off_anywhere_is_refused() -> None:
    raw = jpeg(street())
    for length in range(3, len(raw) - 2, 997):
        assert refusal(raw[:length]) == "truncated", length


def test_size_limits() -> None:
    raw = jpeg(street())
    assert refusal(raw, Limits(max_bytes=len(raw) - 1)) == "too_large"
    assert sanitise(raw, Limits(max_bytes=len(raw))).width == 640
    assert refusal(raw, Limits(max_pixels=640 * 480 - 1)) == "too_many_pixels"
    assert sanitise(raw, Limits(max_pixels=640 * 480)).width == 640


@pytest.mark.parametrize("side", [7100, 10_000, 20_000])
def test_a_picture_of_over_50_million_pixels_is_refused_before_it_is_decoded(side: int) -> None:
    # Only the header tells the size, so a small file can claim any: 50, 100 and 400 million pixels.
    raw = bytearray(jpeg(street(64, 64)))
    frame = raw.index(b"\xff\xc0")
    raw[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2
    assert refusal(bytes(raw)) == "too_many_pixels"


def test_a_picture_cut_into_hundreds_of_scans_is_refused_before_it_is_decoded() -> None:
    raw = jpeg(street(), progressive=True)
    assert sanitise(raw, LIMITS).width == 640
    scan = raw[raw.rindex(b"\xff\xda") : -2]
    assert refusal(raw[:-2] + scan * 200 + raw[-2:]) == "too_complex"
    # What follows the picture, such as the film of a moving photo, may hold anything.
    assert sanitise(raw + scan * 200, LIMITS).width == 640


def test_a_phones_picture_with_a_second_one_inside_is_a_photo_not_an_animation() -> None:
    out = io.BytesIO()
    street().save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48), "blue")])
    photo = sanitise(out.getvalue(), LIMITS)
    assert photo.dhash == sanitise(jpeg(street()), LIMITS).dhash


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_are_stored_as_rgb(mode: str) -> None:
    assert opened(sanitise(jpeg(street().convert(mode)), LIMITS).jpeg).mode == "RGB"


def test_the_perceptual_hash_survives_size_and_quality_but_not_another_picture() -> None:
    def bits(a: SanitisedPhoto, b: SanitisedPhoto) -> int:
        return (int(a.dhash, 16) ^ int(b.dhash, 16)).bit_count()

    photo = sanitise(jpeg(street(1600, 1200)), LIMITS)
    again = sanitise(jpeg(street(800, 600), quality=50), LIMITS)
    other = sanitise(jpeg(street(1600, 1200).transpose(Image.Transpose.ROTATE_180)), LIMITS)
    assert len(photo.dhash) == 16
    assert bits(photo, again) <= 4
    assert bits(photo, other) >= 12
    assert photo.sha256_received != again.sha256_received


def test_it_runs_in_another_process_and_its_refusals_come_back_whole() -> None:
    raw = jpeg(street())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(sanitise, raw, LIMITS).result(60) == sanitise(raw, LIMITS)
        with pytest.raises(Invalid) as refused:
            pool.submit(sanitise, raw[:1000], LIMITS).result(60)
    assert refused.value.problem_code == "truncated"
    assert [error.field for error in refused.value.errors] == ["photo"]
    assert pickle.loads(pickle.dumps(refused.value)).detail == refused.value.detail  # noqa: S301 - our own bytes
