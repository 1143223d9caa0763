"""The ledger's arithmetic and its chain: two layers, sums of zero, and a tamperer who is named."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.points.domain.caps import Month, admit, month_key
from services.points.domain.digesting import digest
from services.points.domain.entry import AWARD, Entry, Grounds, Kind, Passbook, Step
from services.points.domain.ledger import Broken, Sums, append, fold, total, verify_chain
from services.points.rules import ReferenceRules
from shared.reference.load import load
from tests.support.pointing import NINE
from tests.support.stack import REFERENCE

GROUNDS = Grounds("140302003", "inc", "hazard", "2026-1", "ref-1", "incident-reported:inc", "system:points")


def step(kind: Kind, points: int, incident: str = "inc", releases: int = 0) -> tuple[Step, Grounds]:
    """One step of anna's, for first reporter."""
    return (
        Step("anna", kind, "hazard_first", points, "triaged", "r1", NINE, releases),
        replace(GROUNDS, incident=incident),
    )


def written(*steps: tuple[Step, Grounds]) -> tuple[Passbook, list[Entry]]:
    """anna's passbook after these steps."""
    book, entries = Passbook("anna", "140302003", "account-1"), list[Entry]()
    for number, (wanted, grounds) in enumerate(steps):
        book, entry = append(book, wanted, grounds, NINE + timedelta(minutes=number))
        entries.append(entry)
    return book, entries


STORY = (
    step(Kind.PENDING, 5),
    step(Kind.PENDING, 10, "inc-2"),
    step(Kind.POST, 10, releases=5),
    step(Kind.VOID, 10, "inc-2"),
)


def test_a_promise_a_payment_and_a_void() -> None:
    book, entries = written(*STORY)
    assert [(entry.balance, entry.pending) for entry in entries] == [(0, 5), (0, 15), (10, 10), (10, 0)]
    assert (book.balance, book.pending, book.entries) == (10, 0, 4)
    assert fold(entries) == {"account-1": Sums(10, 0), "issued:140302003": Sums(-10, 0)}
    assert entries[3].debit == "account-1"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(AWARD), st.integers(0, 100), st.integers(0, 9), st.integers(0, 100)), max_size=12
    )
)
def test_accounts_always_sum_to_zero_and_the_passbook_is_their_fold(rows: list[tuple[Kind, int, int, int]]) -> None:
    steps = [step(kind, points, str(n), releases if kind is Kind.POST else 0) for kind, points, n, releases in rows]
    book, entries = written(*steps)
    accounts = fold(reversed(entries))
    assert total(accounts.values()) == Sums(0, 0)
    assert accounts.get("account-1", Sums()) == Sums(book.balance, book.pending)
    assert verify_chain(entries, book.digest) is None


TAMPERED: dict[str, Any] = {
    "amount": 6,
    "kind": Kind.PENDING,
    "account": "account-2",
    "debit": "someone",
    "releases": 4,
    "reason": "because",
    "rule_version": "2026-2",
    "event": "another",
    "actor": "staff:s1",
    "captured_at": NINE + timedelta(seconds=1),
    "at": NINE - timedelta(seconds=1),
    "balance": 11,
    "previous": "0" * 64,
    "digest": "0" * 64,
}


@pytest.mark.parametrize("field", TAMPERED)
def test_a_tampered_entry_is_named(field: str) -> None:
    book, entries = written(*STORY)
    entries[2] = replace(entries[2], **{field: TAMPERED[field]})
    broken = verify_chain(entries, book.digest)
    assert broken is not None
    assert broken.entry == entries[2].id


def test_a_tamperer_who_makes_a_new_digest_is_found_at_the_next_entry() -> None:
    book, entries = written(*STORY)
    forged = replace(entries[1], reason="forged")
    entries[1] = replace(forged, digest=digest(forged))
    assert verify_chain(entries, book.digest) == Broken(entries[2].id, "does not follow entry 2")


def test_who_forges_the_whole_chain_meets_the_balance_or_the_passbook() -> None:
    book, entries = written(*STORY)
    forged = replace(entries[3], amount=3)
    forged = replace(forged, digest=digest(forged))
    assert _reason([*entries[:3], forged], forged.digest).startswith("balance 10, pending 0")
    agreed = replace(entries[3], reason="forged")
    agreed = replace(agreed, digest=digest(agreed))
    assert _reason([*entries[:3], agreed], book.digest) == "is the last one here, but not in the passbook"


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_entry_is_noticed_wherever_it_was(missing: int) -> None:
    book, entries = written(*STORY)
    left = entries[:missing] + entries[missing + 1 :]
    broken = verify_chain(left, book.digest)
    assert broken is not None
    assert broken.entry == left[min(missing, 2)].id


def test_a_chain_says_nothing_of_the_rider_and_survives_his_being_forgotten() -> None:
    book, entries = written(*STORY)
    forgotten = [replace(entry, id=f"forgotten:{entry.account}:{entry.number}") for entry in entries]
    assert verify_chain(forgotten, book.digest) is None
    assert not any("anna" in str(getattr(e, name)) for e in forgotten for name in ("debit", "credit", "digest"))


def test_a_digest_is_the_same_for_ever() -> None:
    """Computed once and written down: whoever holds an old statement must be able to verify it."""
    _, entries = written(STORY[0])
    assert digest(replace(entries[0], format=1)) == "9bb5bdccb421558c1bbd5576ae84f8e36b735dcde51d6edd7348e31bf5add961"


def test_digests_do_not_depend_on_the_zone_or_on_what_the_database_cuts_off() -> None:
    _, entries = written(STORY[0])
    precise = replace(entries[0], at=entries[0].at.replace(microsecond=999).astimezone(UTC))
    assert digest(precise) == digest(entries[0])


def _reason(entries: Sequence[Entry], head: str) -> str:
    broken = verify_chain(entries, head)
    return broken.reason if broken else ""


ZONE = ReferenceRules(load(REFERENCE)).zone("140302003")
LATE = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)
"""23:59 of 30 November in Beidajie; two minutes later it is December there."""


def test_months_follow_the_calendar_of_the_sub_district() -> None:
    assert month_key("anna", "hazard", LATE, ZONE) == "anna|hazard|2026-11"
    assert month_key("anna", "hazard", LATE + timedelta(minutes=2), ZONE) == "anna|hazard|2026-12"


def test_what_would_go_over_a_cap_does_not_count_at_all() -> None:
    month = admit(Month("m"), NINE, ZONE, 5, 10, 12)
    assert month == Month("m", {"25": 5})
    assert admit(month, NINE, ZONE, 6, 10, 12) is None
    full = admit(month, NINE, ZONE, 5, 10, 12)
    assert full == Month("m", {"25": 10})
    next_day = NINE + timedelta(days=1)
    assert admit(full, next_day, ZONE, 3, 10, 12) is None
    assert admit(full, next_day, ZONE, 2, 10, 12) == Month("m", {"25": 10, "26": 2})
    assert admit(full, NINE, ZONE, 1_000, None, None) == Month("m", {"25": 1_010})
