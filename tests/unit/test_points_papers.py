"""Statements and other papers: their figures, their words, and that a font has every sign of them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from services.points import papers
from services.points.domain.entry import Entry, Grounds, Kind, Passbook
from services.points.domain.ledger import append, verify_chain
from services.points.domain.paper import Paper, Table
from services.points.domain.shelf import Words
from services.points.domain.statement import Earned, HandedOut, HomeMonth, MonthReport, Statement, StockMonth, masked
from services.points.domain.steps import award, end_reserve, reserve
from services.points.fonts import NoFont, find_font, wanted_font
from services.points.months import bounds, quarter_bounds
from services.points.printing import GETA, Press, as_csv, as_pdf, csv_bytes, lacking

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
TOWEL = {"towel": Words("毛巾", "Towel")}
FONT = find_font(None)
"""None on a machine where nobody could install one: there what is tested is that it says so."""


def passbook(lines: int = 3) -> tuple[Passbook, list[Entry]]:
    """Points for help every day, then a towel reserved and picked up."""
    book, entries = Passbook("anna", "140302003", "account-1"), list[Entry]()
    grounds = Grounds("140302003", "", "help", "2026-1", "ref-1", "event", "staff:s1", "act")
    for number in range(lines):
        at = NOON + timedelta(days=number)
        book, entry = append(
            book, award("anna", "help", 3, "approved", at), replace(grounds, about=f"act-{number}"), at
        )
        entries.append(entry)
    held = replace(grounds, activity="", about="red-1")
    book, reserved = append(book, replace(reserve("anna", 5, NOON), rule="towel"), held, NOON + timedelta(days=lines))
    done = end_reserve("anna", reserved, Kind.PICK_UP, NOON, reason="picked_up", home="home-a")
    book, picked = append(book, replace(done, rule="towel"), held, NOON + timedelta(days=lines, hours=1))
    return book, [*entries, reserved, picked]


def december() -> Statement:
    """The lines of 1 December on, with the last one of November before them."""
    _, entries = passbook(10)
    since, until = bounds("2026-12", SHANGHAI)
    return Statement(
        "anna",
        "2026-12",
        [entry for entry in entries if entry.at < since][-1],
        [entry for entry in entries if since <= entry.at < until],
    )


def statement() -> Paper:
    return papers.statement_paper(december(), SHANGHAI, TOWEL, NOON)


def a_report() -> Paper:
    earned = [Earned("help", 30, 10), Earned("hazard", 5, 1)]
    report = MonthReport(
        "140302003",
        "2026-11",
        2,
        earned,
        5,
        [Earned("picked_up", 5, 1), Earned("expired", 5, 1)],
        [Earned("home-a", 5, 1)],
        [Earned("insurance", 0, 2)],
    )
    return papers.report_paper(report, "北大街街道", {"home-a": Words("一社区之家", "Home 1")}, SHANGHAI, NOON)


def a_home() -> Paper:
    month = HomeMonth(
        "home-a",
        "2026-11",
        [StockMonth("towel", 20, 5, -1, 2, 22)],
        [HandedOut("red-1", "towel", 5, NOON), HandedOut("red-2", "towel", 5, NOON)],
    )
    return papers.home_paper(month, Words("一社区之家", "Home 1"), TOWEL, SHANGHAI, NOON)


def a_certificate() -> Paper:
    earned = [Earned("help", 30, 10)]
    return papers.certificate_paper("张三", "北大街街道", earned, ("2026-01-01", "2026-12-31"), SHANGHAI, NOON)


def a_notice() -> Paper:
    riders, names = [Earned("r2", 30, 10), Earned("r1", 2, 1), Earned("r3", 1, 1)], {"r1": "张三", "r2": "欧阳娜娜"}
    return papers.notice_paper("北大街街道", "2026-Q4", riders, names, SHANGHAI, NOON)


ALL = {"statement": statement, "report": a_report, "home": a_home, "certificate": a_certificate, "notice": a_notice}


def test_a_statement_begins_where_the_last_one_ended_and_has_every_line() -> None:
    found, paper = december(), statement()
    assert (found.opening, found.closing) == (18, 25)
    facts = dict(paper.facts)
    assert (facts["期初余额 opening balance"], facts["期末余额 closing balance"]) == (18, 25)
    assert found.before is not None
    assert found.last is not None
    assert facts["期初链值 chain before"] == found.before.digest
    assert facts["期末链值 chain after"] == found.last.digest
    rows = paper.tables[0].rows
    assert [row[0] for row in rows] == [entry.number for entry in found.lines]
    assert found.opening + sum(int(row[3]) for row in rows) == found.closing
    assert [row[2] for row in rows][-2:] == ["兑换预约 reserved 毛巾 Towel", "领取 picked up 毛巾 Towel"]
    assert [row[3] for row in rows][-2:] == [-5, 0]


def test_a_month_without_lines_stands_where_it_stood() -> None:
    found = replace(december(), lines=())
    assert (found.opening, found.closing, found.closing_pending) == (18, 18, 0)
    empty = Statement("anna", "2026-12", None, ())
    assert (empty.opening, empty.closing) == (0, 0)
    assert papers.statement_paper(empty, SHANGHAI, {}, NOON).tables[0].rows == ()


def read_back(content: bytes) -> list[Entry]:
    """The entries of a CSV statement, as its holder has them: without their names."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    head = next(index for index, row in enumerate(rows) if row[:1] == ["subdistrict"])
    found = [dict(zip(rows[head], row, strict=True)) for row in rows[head + 1 :]]
    return [TypeAdapter(Entry).validate_python({**one, "id": one["number"]}) for one in found]


def test_whoever_holds_the_csv_can_verify_the_chain() -> None:
    book, entries = passbook()
    content = csv_bytes(papers.statement_rows(Statement("anna", "2026-11", None, entries)))
    assert content.startswith(b"\xef\xbb\xbf")
    assert verify_chain(read_back(content), book.digest) is None
    tampered = content.replace(b"help", b"hazard", 1)
    broken = verify_chain(read_back(tampered), book.digest)
    assert broken is not None
    assert broken.entry == "1"


def test_a_cell_that_looks_like_a_formula_is_made_harmless() -> None:
    text = csv_bytes([["=1+1", "@x", "plain", -5]]).decode("utf-8-sig")
    assert text.strip() == "'=1+1,'@x,plain,-5"


def test_a_home_and_a_report_name_nobody() -> None:
    for paper in (a_home(), a_report()):
        assert not [text for text in paper.texts() if "anna" in text]
    text = as_csv(a_home()).decode("utf-8-sig")
    assert "毛巾 Towel,20,5,-1,2,22" in text
    assert "兑付积分 points redeemed,10" in text
    report = as_csv(a_report()).decode("utf-8-sig")
    assert "入账积分 points awarded,35" in report
    assert "保险 insurance,2" in report


def test_a_notice_masks_names_and_ranks_nobody() -> None:
    assert [masked(name) for name in ("张三", "欧阳娜娜", "王小明", "李", "", " 赵六 ")] == [
        "张*",
        "欧**",
        "王**",
        "李*",
        "骑手",
        "赵*",
    ]
    rows = a_notice().tables[0].rows
    assert [row[0] for row in rows] == ["张*", "欧**", "骑手"]
    assert [row[2] for row in rows] != sorted((row[2] for row in rows), key=str, reverse=True)
    assert not [text for text in a_notice().texts() if text in ("张三", "欧阳娜娜", "r1", "r2", "r3")]


def test_quarters_begin_at_the_midnight_of_the_place() -> None:
    assert quarter_bounds("2026-Q4", SHANGHAI) == (
        datetime(2026, 10, 1, tzinfo=SHANGHAI),
        datetime(2027, 1, 1, tzinfo=SHANGHAI),
    )


def text_of(pdf: bytes) -> str:
    """What a reader copies out of it."""
    from pypdf import PdfReader

    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def squeezed(texts: Sequence[str]) -> str:
    """Lines break anywhere in Chinese; what matters is that every sign is there in order."""
    return "".join("".join(texts).split())


def printed(paper: Paper) -> str:
    """The text of the PDF; without a font the clear error, and the words themselves."""
    if FONT is None:
        with pytest.raises(NoFont, match="install fonts-wqy-zenhei"):
            wanted_font(FONT)
        return "".join(paper.texts())
    return text_of(as_pdf(paper, FONT))


@pytest.mark.parametrize("name", ALL)
def test_every_word_of_a_paper_can_be_copied_out_of_it(name: str) -> None:
    paper = ALL[name]()
    found = squeezed([printed(paper)])
    for text in paper.texts():
        assert squeezed([text]) in found, text


@pytest.mark.parametrize("name", ALL)
def test_the_font_has_every_sign_of_a_paper(name: str) -> None:
    if FONT is not None:
        assert not lacking(ALL[name]().texts(), FONT)


def test_what_the_font_lacks_is_printed_as_a_stand_in() -> None:
    paper = Paper("证明", "Certificate", (("姓名 name", "张\U0001f600三"),))
    if FONT is not None:
        assert lacking(paper.texts(), FONT) == {"\U0001f600"}
        assert f"张{GETA}三" in printed(paper)


def test_markup_in_a_name_is_text() -> None:
    paper = Paper("证明", "Certificate", (("姓名 name", "<b>张三</b>&amp;"),))
    assert "<b>张三</b>&amp;" in printed(paper)


def test_a_long_statement_has_its_heads_on_every_page() -> None:
    rows = tuple((number, f"第{number}行") for number in range(200))
    paper = Paper("长表", "Long", (), (Table("明细", ("序号 no.", "事项 what"), rows, (1, 3)),))
    text = printed(paper)
    assert "第199行" in text
    if FONT is not None:
        assert text.count("序号 no.") > 2


async def test_without_a_font_it_says_what_to_install() -> None:
    with pytest.raises(NoFont) as refused:
        await Press(None).pdf(statement())
    assert (refused.value.status, "fonts-wqy-zenhei" in refused.value.detail) == (503, True)


def test_a_font_is_found_in_the_known_folders_the_best_first(tmp_path: Path) -> None:
    assert find_font(None, (tmp_path / "none", tmp_path)) is None
    for name in ("DejaVuSans.ttf", "simhei.ttf", "wqy-microhei.ttc"):
        (tmp_path / "some").mkdir(exist_ok=True)
        (tmp_path / "some" / name).touch()
    assert find_font(None, (tmp_path,)) == tmp_path / "some/wqy-microhei.ttc"
    assert find_font(tmp_path / "some/simhei.ttf", ()) == tmp_path / "some/simhei.ttf"
    with pytest.raises(ValueError, match="QIANSHAO_FONT: there is no file"):
        find_font(tmp_path / "gone.ttf")


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ttf"
    wrong.write_bytes(b"not a font at all")
    with pytest.raises(ValueError, match=r"wrong\.ttf cannot be embedded"):
        as_pdf(statement(), wrong)
