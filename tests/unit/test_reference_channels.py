"""Robots are checked against who exists; a secret is a name and never in the file."""

from pathlib import Path

import pytest

from shared.reference import load
from shared.reference.files import ReferenceInvalid
from tests.support.reference import copy_of_sample

ROBOT = "  - {code: %s, channel: wecom, audience: '%s', secret: officers-1}\n"
OFFICERS = "group:officers-140302003001"


def written(directory: Path, text: str, name: str = "channels.yaml") -> Path:
    (directory / name).write_text(text)
    return directory


def test_without_a_file_there_are_no_robots_and_the_nights_are_quiet(tmp_path: Path) -> None:
    reference = load(copy_of_sample(tmp_path))
    assert not reference.robots
    assert [f"{at:%H:%M}" for at in reference.quiet.hours] == ["22:00", "07:00"]


def test_robots_and_the_night_come_from_the_file(tmp_path: Path) -> None:
    text = 'quiet: {begin: "21:30", end: "06:00"}\nrobots:\n' + ROBOT % ("one", OFFICERS)
    text += ROBOT % ("two", "subdistrict:140302003")
    reference = load(written(copy_of_sample(tmp_path), text))
    assert reference.robots["one"].audience == OFFICERS
    assert [f"{at:%H:%M}" for at in reference.quiet.hours] == ["21:30", "06:00"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("robots:\n" + ROBOT % ("one", "group:unit-1"), "there is no group:unit-1"),
        ("robots:\n" + ROBOT % ("one", OFFICERS) + ROBOT % ("one", OFFICERS), "code twice"),
        (
            f"robots:\n  - {{code: one, channel: webhook, audience: '{OFFICERS}', secret: s}}\n",
            "a webhook needs its url",
        ),
        ('quiet: {begin: "25:00"}\n', "match pattern"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReferenceInvalid, match=reason):
        load(written(copy_of_sample(tmp_path), text))


def test_only_one_file_says_when_it_is_quiet(tmp_path: Path) -> None:
    directory = written(copy_of_sample(tmp_path), "quiet: {}\n")
    with pytest.raises(ReferenceInvalid, match=r"channels\.yaml says it already|channels-b\.yaml says it already"):
        load(written(directory, "quiet: {}\n", "channels-b.yaml"))
