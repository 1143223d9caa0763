"""The judge of the conformance suite: a transcript of each fault, and one without."""

import pytest

from kit.conformance.rules import RULES, Heard, Line, Mark, Told, judge


def told(kind: str, seq: int, case: str = "redelivery", update_id: str | None = None) -> Told:
    return Told(case, "i.1", seq, kind, update_id)


def heard(update_id: str = "u1", seen: int = 1, kind: str = "accepted", key: str = "i.1") -> Heard:
    return Heard("i.1", key, update_id, seen, kind)


RIGHT: list[Line] = [
    told("offer", 1),
    heard(),
    heard(),
    told("ack", 2, update_id="u1"),
    told("offer", 1),
    Mark("redelivery"),
    told("reopen", 3),
    heard("u2", 3),
    told("refused", 4, update_id="u2"),
    Mark("redelivery"),
    told("withdraw", 5),
    Mark("redelivery"),
]


def test_whoever_keeps_the_rules_breaks_none() -> None:
    assert judge(RIGHT) == []


@pytest.mark.parametrize("seen", [1, 2])
def test_a_reminder_read_before_the_offer_was_answered_may_be_named_as_well(seen: int) -> None:
    assert judge([told("offer", 1), told("remind", 2), heard("u1", seen)]) == []


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("readable", [told("offer", 1), heard(), Heard("", "k", fault="at: has no offset")]),
        ("readable", [told("offer", 1), heard(key="i")]),
        ("answered", [told("offer", 1)]),
        ("answered", [told("offer", 1), heard(), told("ack", 2), told("reopen", 3)]),
        ("seen_seq", [told("offer", 1), heard(), Heard("", "i.1", fault="seen_seq: Field required")]),
        ("seen_seq", [told("offer", 1), heard(seen=7)]),
        ("seen_seq", [told("offer", 1), heard(), told("ack", 2), told("reopen", 3), heard("u2", 2)]),
        ("seen_seq", [told("offer", 1), heard(), told("ack", 2), told("reopen", 3), heard("u2", 1)]),
        ("redelivery", [told("offer", 1), heard(), told("offer", 1), heard("u2")]),
        ("out_of_order", [told("offer", 1, "out_of_order"), heard(), heard("u2")]),
        ("retry", [told("offer", 1, "retry"), heard(), heard("u2")]),
        ("withdrawn", [told("offer", 1), heard(), told("withdraw", 2), Mark("redelivery"), heard()]),
        ("refused", [told("offer", 1), heard(), told("refused", 2, "", "u1"), Mark("redelivery"), heard()]),
    ],
)
def test_each_fault_is_found_by_its_rule_alone(rule: str, lines: list[Line]) -> None:
    assert {finding.rule for finding in judge(lines)} == {rule}


def test_every_rule_is_asked_in_chinese_first() -> None:
    assert all("\u4e00" <= text[0] <= "\u9fff" for text in RULES.values())
