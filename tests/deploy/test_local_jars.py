"""Kafka's jars: exactly what was committed, whoever fetches it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.local.jars import LIST, Fetch, Jar, JarsRefused, ensure, listed

GOOD = b"a jar"
ONE = Jar(hashlib.sha256(GOOD).hexdigest(), "org.example", "one", "1.0")
TWO = Jar(hashlib.sha256(b"two").hexdigest(), "org.example", "two", "2.0")


def giving(**contents: bytes) -> Fetch:
    """A fetcher that has these artifacts and no others."""

    def fetch(jars: Sequence[Jar], folder: Path) -> None:
        for jar in jars:
            if jar.artifact in contents:
                (folder / jar.file).write_bytes(contents[jar.artifact])

    return fetch


def away(_jars: Sequence[Jar], _folder: Path) -> None:
    raise ConnectionError("no network")


def never(_jars: Sequence[Jar], _folder: Path) -> None:
    raise AssertionError("asked although nothing is missing")


def test_the_committed_list_names_kafka_and_its_logging_once_each() -> None:
    jars = listed(LIST.read_text())
    coordinates = [f"{jar.group}:{jar.artifact}:{jar.version}" for jar in jars]
    assert "org.apache.kafka:kafka_2.13:4.4.0" in coordinates
    assert any(c.startswith("org.apache.logging.log4j:log4j-slf4j-impl:2.25.") for c in coordinates)
    assert len({jar.file for jar in jars}) == len(jars)


def test_what_is_missing_is_fetched_once(tmp_path: Path) -> None:
    folder = tmp_path / "jars"
    assert ensure(folder, [giving(one=GOOD, two=b"two")], [ONE, TWO]) == ["one-1.0.jar", "two-2.0.jar"]
    assert ensure(folder, [never], [ONE, TWO]) == []
    assert {file.name for file in folder.iterdir()} == {"one-1.0.jar", "two-2.0.jar"}


def test_a_second_source_gets_what_the_first_lacks(tmp_path: Path) -> None:
    ensure(tmp_path / "jars", [giving(one=GOOD), away, giving(two=b"two")], [ONE, TWO])
    assert (tmp_path / "jars/two-2.0.jar").read_bytes() == b"two"


def test_a_jar_fetched_with_other_content_is_refused_by_name_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(JarsRefused, match=r"one-1\.0\.jar as fetched has sha256 \w+, \w+ is committed"):
        ensure(tmp_path / "jars", [giving(one=b"another jar")], [ONE])
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_jar_changed_on_disk_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "jars"
    ensure(folder, [giving(one=GOOD)], [ONE])
    (folder / ONE.file).write_bytes(b"changed")
    with pytest.raises(JarsRefused, match=r"^one-1\.0\.jar has sha256"):
        ensure(folder, [never], [ONE])


def test_an_unlisted_jar_is_removed_since_the_class_path_is_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "jars"
    ensure(folder, [giving(one=GOOD)], [ONE])
    (folder / "log4j-core-2.14.0.jar").write_bytes(b"old")
    ensure(folder, [never], [ONE])
    assert [file.name for file in folder.iterdir()] == [ONE.file]


def test_when_no_source_has_it_all_causes_are_told(tmp_path: Path) -> None:
    with pytest.raises(JarsRefused, match=r"could not fetch two-2\.0\.jar: away: no network"):
        ensure(tmp_path / "jars", [away, giving(one=GOOD)], [ONE, TWO])


@pytest.mark.parametrize("line", ["", "abc  g:a:v", f"{'0' * 64}  g:a", f"{'0' * 64} g:a:1"])
def test_a_bad_line_of_the_list_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=r"jars\.sha256: not a jar"):
        listed(f"{ONE.sha256}  g:a:1\n{line}\n")
