"""Every kind of line: where its points go, under which key it stands, what its event says; and no balance below zero."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.points import events
from services.points.domain.digesting import digest, holds
from services.points.domain.entry import Entry, Grounds, Kind, Passbook, Step
from services.points.domain.ledger import Insufficient, Sums, append, fold, total, verify_chain
from services.points.domain.steps import NotReversible, award, end_reserve, reserve, reversal
from services.points.store import BOOKS, ENTRIES
from services.points.writing import Written, post_refs, write
from shared.context import Context
from shared.mongo.work import Ref, Work
from tests.support.pointing import NINE

GROUNDS = Grounds("140302003", "", "help", "2026-1", "ref-1", "request-1", "staff:s1", about="act-1")
HAZARD = replace(GROUNDS, incident="inc", activity="hazard", about="")
PRIZE = replace(GROUNDS, activity="", about="red-1")
PAID = Step("anna", Kind.POST, "hazard_first", 10, "incident_resolved", "r1", NINE)


class Book:
    """anna's passbook, written line by line."""

    def __init__(self) -> None:
        self.book = Passbook("anna", "140302003", "account-1")
        self.entries: list[Entry] = []

    def add(self, step: Step, grounds: Grounds) -> Entry:
        at = NINE + timedelta(minutes=len(self.entries))
        self.book, entry = append(self.book, step, grounds, at)
        self.entries.append(entry)
        self.check()
        return entry

    def check(self) -> None:
        accounts = fold(self.entries)
        assert total(accounts.values()) == Sums()
        assert accounts[self.book.account] == Sums(self.book.balance, self.book.pending, self.book.owed)
        assert verify_chain(self.entries, self.book.digest) is None
        assert min(self.book.balance, self.book.owed) >= 0

    @property
    def stands(self) -> tuple[int, int]:
        return self.book.balance, self.book.owed

    def posted(self) -> dict[str, int]:
        return {account: sums.posted for account, sums in fold(self.entries).items() if sums.posted}


def end(reserved: Entry, kind: Any, home: str = "") -> Step:
    return end_reserve("anna", reserved, kind, NINE, reason="prize", home=home)


def test_a_redemption_moves_points_by_way_of_the_reserve() -> None:
    book = Book()
    book.add(PAID, HAZARD)
    put_aside = book.add(reserve("anna", 8, NINE), PRIZE)
    assert (put_aside.id, book.stands) == ("redemption:red-1:reserve", (2, 0))
    assert book.posted() == {"account-1": 2, "reserved:140302003": 8, "issued:140302003": -10}
    got = book.add(end(put_aside, Kind.PICK_UP, "home-1"), PRIZE)
    assert (got.id, got.of_number, book.stands) == ("redemption:red-1:pick_up", 2, (2, 0))
    assert book.posted() == {"account-1": 2, "redeemed:home-1": 8, "issued:140302003": -10}


@pytest.mark.parametrize("kind", [Kind.CANCEL, Kind.EXPIRE])
def test_what_is_not_picked_up_comes_back(kind: Kind) -> None:
    book = Book()
    book.add(PAID, HAZARD)
    put_aside = book.add(reserve("anna", 8, NINE), PRIZE)
    assert book.add(end(put_aside, kind), PRIZE).id == f"redemption:red-1:{kind}"
    assert book.posted() == {"account-1": 10, "issued:140302003": -10}


def test_nobody_reserves_more_than_he_has() -> None:
    book = Book()
    book.add(PAID, HAZARD)
    with pytest.raises(Insufficient):
        book.add(reserve("anna", 11, NINE), PRIZE)
    assert book.stands == (10, 0)


def test_a_reversal_takes_back_what_is_there() -> None:
    book = Book()
    paid = book.add(PAID, HAZARD)
    back = book.add(reversal("anna", paid, "bogus", NINE), HAZARD)
    assert (back.id, back.of_number, back.owes) == ("reversal:award:inc:hazard_first:anna:post", 1, 0)
    assert book.stands == (0, 0)
    with pytest.raises(NotReversible):
        reversal("anna", back, "bogus", NINE)


def test_what_was_spent_is_owed_and_paid_back_by_what_comes_in() -> None:
    book = Book()
    paid = book.add(PAID, HAZARD)
    put_aside = book.add(reserve("anna", 8, NINE), PRIZE)
    back = book.add(reversal("anna", paid, "bogus", NINE), HAZARD)
    assert (back.amount, back.owes, book.stands) == (10, 8, (0, 8))
    assert book.add(award("anna", "help", 3, "approved", NINE), GROUNDS).id == "activity:act-1:anna:post"
    assert book.stands == (0, 5)
    book.add(end(put_aside, Kind.CANCEL), PRIZE)
    assert book.stands == (3, 0)
    assert book.posted() == {"account-1": 3, "issued:140302003": -3}


def test_what_is_owed_is_under_the_digest() -> None:
    book = Book()
    paid = book.add(PAID, HAZARD)
    book.add(reserve("anna", 8, NINE), PRIZE)
    back = book.add(reversal("anna", paid, "bogus", NINE), HAZARD)
    for changed in ({"owes": 0}, {"of_number": 2}, {"about": "x"}, {"format": 1}, {"format": 3}):
        broken = verify_chain([*book.entries[:2], replace(back, **changed)], book.book.digest)
        assert broken is not None
        assert broken.entry == back.id


def test_an_old_line_still_holds_and_nothing_can_be_added_to_it() -> None:
    old = Book().add(PAID, HAZARD)
    old = replace(old, format=1)
    old = replace(old, digest=digest(old))
    document = {key: value for key, value in ENTRIES.dump(old).items() if key not in ("format", "about", "owes")}
    read = ENTRIES.load(document)
    assert read == old
    assert holds(read)
    assert not holds(replace(read, about="act-1"))


def test_a_digest_of_the_second_format_is_the_same_for_ever() -> None:
    assert Book().add(PAID, HAZARD).digest == "7029e240910571a8b251414cc765021650997b9ceb36e40a24a5ca7b0af3748b"


def told(kind: Kind) -> dict[str, Any]:
    """The event of one kind of line, after an award of 10."""
    book = Book()
    paid = book.add(PAID, HAZARD)
    put_aside = book.add(reserve("anna", 8, NINE), PRIZE)
    more = {
        Kind.POST: lambda: (award("anna", "help", 3, "approved", NINE), GROUNDS),
        Kind.REVERSAL: lambda: (reversal("anna", paid, "bogus", NINE), HAZARD),
        Kind.PICK_UP: lambda: (end(put_aside, Kind.PICK_UP, "home-1"), PRIZE),
        Kind.CANCEL: lambda: (end(put_aside, Kind.CANCEL), PRIZE),
        Kind.EXPIRE: lambda: (end(put_aside, Kind.EXPIRE), PRIZE),
        Kind.EXPIRY: lambda: (
            Step("anna", Kind.EXPIRY, "", 2, "grown_old", "", NINE),
            replace(GROUNDS, about="2026", activity=""),
        ),
    }
    entry = put_aside if kind is Kind.RESERVE else book.add(*more[kind]())
    topic, data = events.tell(book.book, entry)
    return {"topic": topic, **data.model_dump(exclude_none=True)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.POST, {"topic": "points-awarded", "points": 3, "recorded_activity": "act-1", "activity": "help"}),
        (Kind.RESERVE, {"kind": "redemption_reserved", "points": -8, "redemption": "red-1"}),
        (Kind.PICK_UP, {"kind": "redemption_picked_up", "points": 0, "redemption": "red-1"}),
        (Kind.CANCEL, {"kind": "redemption_cancelled", "points": 8, "redemption": "red-1"}),
        (Kind.EXPIRE, {"kind": "redemption_expired", "points": 8, "redemption": "red-1"}),
        (Kind.EXPIRY, {"kind": "expiry", "points": -2, "entry": "expiry:2026:anna"}),
        (
            Kind.REVERSAL,
            {"kind": "reversal", "points": -2, "of_entry": "award:inc:hazard_first:anna:post", "incident": "inc"},
        ),
    ],
)
def test_the_event_of_every_kind(kind: Kind, expected: dict[str, Any]) -> None:
    found = told(kind)
    assert {key: found[key] for key in expected} == expected


def test_a_line_is_written_once_with_its_passbook_and_its_event() -> None:
    refs = list(post_refs(BOOKS, "anna", ["activity:act-1:anna:post"]))
    work = Work(dict[Ref, Any].fromkeys(refs), NINE)
    wanted = (award("anna", "help", 3, "approved", NINE), GROUNDS, Context("staff:s1", "story-1"), lambda: "account-9")
    entry = write(work, BOOKS, *wanted)
    assert entry.account == "account-9"
    with pytest.raises(Written):
        write(work, BOOKS, *wanted)
    assert {change.ref for change in work.changes()} == set(refs)
    assert [row["topic"] for row in work.outbox_rows()] == ["points-awarded"]
