"""Pseudonyms: the same everywhere, found wherever the id stands as a whole word, and nowhere else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.mongo.inbox import Delivery
from shared.mongo.person import Phase
from shared.mongo.veil import FRESH_SECONDS, BeingForgotten, Veil
from shared.pseudonym import Person, Pseudonyms, is_pseudonym

NAMES = Pseudonyms(b"k" * 32)
ANNA = "01990d11-0000-7aaa-8bbb-c0ffee000001"
GONE = NAMES.of(ANNA)
AT = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_pseudonym_needs_the_key_and_is_itself_under_it() -> None:
    assert GONE == NAMES.of(ANNA) != Pseudonyms(b"x" * 32).of(ANNA)
    assert ANNA not in GONE
    assert NAMES.of(GONE) == GONE
    assert is_pseudonym(GONE)
    assert is_pseudonym(f"rider:{GONE}")
    assert not is_pseudonym(ANNA)
    assert not is_pseudonym(f"rider:{ANNA}")


def test_a_key_that_is_short_or_missing_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("k" * 31)
    for name in ("short", "missing"):
        with pytest.raises(ValueError, match=name):
            Pseudonyms.from_file(tmp_path / name)


def test_the_id_is_replaced_in_texts_bytes_keys_and_lists() -> None:
    person = Person(ANNA, GONE)
    document = {
        "_id": f"award:inc:rule:{ANNA}:post",
        ANNA: [f"rider:{ANNA}", {"raw": f'{{"rider":"{ANNA}"}}'.encode()}],
        "at": AT,
        "n": 3,
    }
    renamed = person.renamed(document)
    assert ANNA not in repr(renamed)
    assert renamed == {
        "_id": f"award:inc:rule:{GONE}:post",
        GONE: [f"rider:{GONE}", {"raw": f'{{"rider":"{GONE}"}}'.encode()}],
        "at": AT,
        "n": 3,
    }
    assert person.renamed(renamed) == renamed


def test_a_longer_id_that_contains_it_is_somebody_else() -> None:
    person = Person("rider-1", "gone-1")
    for other in ("rider-12", "a-rider-1", "rider-1-x", "rider-1_x"):
        assert person.renamed(other) == other
        assert not person.is_in({"rider": other})
    assert person.renamed("rider:rider-1|rider-12") == "rider:gone-1|rider-12"


def test_only_those_who_are_forgotten_are_found_in_an_event() -> None:
    other = "01990d11-0000-7aaa-8bbb-c0ffee000002"
    content = f'{{"reporters":[{{"rider":"{ANNA}"}},{{"rider":"{other}"}}]}}'.encode()
    assert NAMES.named_in(content, {GONE: "done"}) == {ANNA: GONE}
    assert NAMES.named_in(content, {}) == {}


def delivery() -> Delivery:
    headers = [("ce_actor", f"rider:{ANNA}".encode()), ("ce_id", b"1")]
    return Delivery("points-awarded", 0, 7, ANNA.encode(), headers, f'{{"rider":"{ANNA}"}}'.encode(), AT)


class _Forgettings:
    def __init__(self, phase: Phase) -> None:
        self._found = [{"_id": GONE, "phase": phase.value}]

    def find(self, *_: object) -> "_Forgettings":
        return self

    async def to_list(self, _: object) -> list[dict[str, str]]:
        return self._found


async def veil(phase: Phase, now: list[float]) -> Veil:
    made = Veil({"forgettings": _Forgettings(phase)}, NAMES, lambda: now[0])  # type: ignore[arg-type]
    await made.look()
    return made


async def test_an_event_waits_while_he_is_being_forgotten_and_then_bears_the_pseudonym() -> None:
    with pytest.raises(BeingForgotten) as waits:
        (await veil(Phase.ANNOUNCED, [0.0]))(delivery())
    assert ANNA not in str(waits.value)
    for phase in (Phase.RENAMED, Phase.DONE):
        seen = (await veil(phase, [0.0]))(delivery())
        assert (seen.key, seen.value) == (GONE.encode(), f'{{"rider":"{GONE}"}}'.encode())
        assert seen.headers == [("ce_actor", f"rider:{GONE}".encode()), ("ce_id", b"1")]
        assert (seen.topic, seen.offset) == ("points-awarded", 7)


async def test_a_process_that_has_not_looked_for_long_handles_nothing() -> None:
    now = [0.0]
    made = await veil(Phase.DONE, now)
    now[0] = FRESH_SECONDS + 0.1
    with pytest.raises(Unavailable):
        made(delivery())
    await made.look()
    assert made(delivery()).key == GONE.encode()
