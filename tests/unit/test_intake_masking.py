"""Telephone numbers never leave intake in free text; what only looks like one stays readable."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.masking import mask_phones


@pytest.mark.parametrize(
    "number",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "138.1234.5678",
        "138—1234—5678",
        "138 12345678",
        "+8613812345678",
        "+86 138-1234-5678",
        "8613812345678",
        "86-13812345678",
        "008613812345678",
        "0086 138 1234 5678",
        "19912345678",
        "0353-2123456",
        "0353 2123456",
        "03532123456",
        "(0353)2123456",
        "（0353）2123456",
        "010-12345678",
        "１３８１２３４５６７８",
    ],
)
@pytest.mark.parametrize("around", ["{}", "电话{}。", "找{}张三", "tel:{}", "1、{}；2、楼下", "a{}b"])
def test_numbers_are_cut_to_their_last_two_digits(number: str, around: str) -> None:
    left = "*" * (len(number) - 2) + number[-2:]
    assert mask_phones(around.format(number)) == around.format(left)


def test_several_numbers_in_one_text() -> None:
    assert mask_phones("13812345678/13912345679") == "*********78/*********79"


@pytest.mark.parametrize(
    "text",
    [
        "订单5012345678901234567",
        "订单 30138123456789 已送达",
        "单号 202611250801",
        "20261125080100",
        "2026-11-25 08:01",
        "2026年11月25日14时30分",
        "08:00-12:00 14:00-18:00",
        "0800-1200, 1400-1800",
        "113.580000, 37.857000",
        "113.5864031,37.8575031",
        "WGS-84 (113.580000, 37.857000)",
        "14030200300500505",
        "3号楼2单元1301室",
        "12345 热线，110，119",
        "7K3M-9QXA",
        "1381234567",
        "138123456789",
        "",
    ],
)
def test_what_is_no_telephone_number_stays(text: str) -> None:
    assert mask_phones(text) == text


@given(st.text(), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text())
def test_no_mobile_number_survives_in_any_text(before: str, number: str, after: str) -> None:
    assume(not before[-1:].isdecimal() and not after[:1].isdecimal())  # else it is part of a longer number
    masked = mask_phones(f"{before}{number}{after}")
    assert number not in masked
    assert len(masked) == len(before) + len(number) + len(after)


@given(st.text(alphabet="0123456789+-() .（）ａ０１３８－一"))
def test_masking_is_final_and_keeps_every_other_character(text: str) -> None:
    masked = mask_phones(text)
    assert mask_phones(masked) == masked
    assert len(masked) == len(text)
    assert all(new in (old, "*") for old, new in zip(text, masked, strict=True))
