"""The standard workbook as offices have it: blank cells, one-digit codes, limits in words, and rows that cannot be used."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from ops.main import app
from ops.reference import limits
from ops.reference.workbook import COLUMNS
from shared.reference import Category, load
from shared.reference.files import read, version
from tests.support.reference import copy_of_sample, edit

Cells = Sequence[Any]

PARTS: list[Cells] = [
    (1, "公用设施", 1, "上水井盖", "供水单位", "市政部门", "缺失、移位或开裂", "恢复完好", "2紧急工作时"),
    (None, None, None, None, None, None, "破损面积超过25平方厘米", None, "6小时"),
    (None, None, None, None, None, None, "异响", None, "2个工作日"),
    (None, None, 36, "测试设施", "城管执法、环卫部门", None, "丢失", "补齐", "15天"),
    (None, None, None, None, None, None, "破损", "修复", "3紧急工作日"),
    ("02", "道路交通", "0217", "交通护栏", "街道办", "交警", "破损", None, "3 工作日"),
]
EVENTS: list[Cells] = [
    ("1", "市容环境", "28", "商业噪声", "综合执法", "城市管理综合执法", "正在扰民", "停止", "1紧急工作时制止"),
    ("5", "突发事件", "97", "测试事件", "社区", None, "发生", None, "４紧急工作时内"),
]


def workbook(
    path: Path, parts: Sequence[Cells] = PARTS, events: Sequence[Cells] = EVENTS, head: Sequence[str] = COLUMNS
) -> Path:
    """A workbook as the standard has it: title, head, data from row 3."""
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, rows in (("部件", parts), ("事件", events)):
        sheet = book.create_sheet(name)
        sheet.append([f"{name}立案结案规范（测试）"])
        sheet.append(list(head))
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The sample, whose rules do not care about the categories of the test's workbook."""
    return copy_of_sample(tmp_path)


def run(file: Path, into: Path, *options: str) -> tuple[int, Any]:
    arguments = ["reference", "import-workbook", str(file), "--into", str(into), "-o", "json", *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout) if result.stdout.startswith("{") else result.output


def wrong(file: Path, into: Path) -> list[tuple[str, str]]:
    """Faults as (where, reason); nothing may have been written."""
    before = version(read(into))
    status, told = run(file, into)
    assert status == 1, told
    assert version(read(into)) == before
    assert not [path.name for path in into.iterdir() if path.name.startswith(".")]
    return [(fault["where"], fault["reason"]) for fault in told["faults"]]


def limits_of(category: Category) -> dict[str, str]:
    return {c.zh: f"{c.priority} {c.limit.value} {c.limit.unit}" for c in category.conditions}


def test_the_workbook_as_it_is(directory: Path, tmp_path: Path) -> None:
    status, told = run(workbook(tmp_path / "部件事件.xlsx"), directory)
    assert (status, told["written"], told["rows"], told["remaining"]) == (0, True, 8, [])
    categories = load(directory).categories

    new = categories["gb30428", "P0136"]
    assert (new.zh, new.acts, new.supervises) == ("测试设施", ("enforcement", "sanitation"), ("municipal",))
    # the most urgent first, although the sheet has it second; over 7 working days is class L
    assert limits_of(new) == {"破损": "U 3 ud", "丢失": "L 15 wd"}
    assert [condition.closes for condition in new.conditions] == ["修复", "补齐"]
    assert (new.tile, new.public, new.pays) == ("p01", False, None)
    assert load(directory).tiles["p01"].zh == "公用设施"

    # 2 urgent hours of a known condition that is E stays E; what is new and that urgent is asked about (E0597 has 4)
    assert told["maybe_class_e"] == []
    event = categories["gb30428", "E0597"]
    assert (event.acts, limits_of(event)) == (("@community",), {"发生": "U 4 uh"})
    noise = categories["gb30428", "E0128"]
    assert limits_of(noise) == {"正在扰民": "U 1 uh"}
    assert noise.conditions[0].closes == "停止，制止"
    rail = categories["gb30428", "P0217"]
    assert (rail.acts, rail.supervises, rail.alternates) == (("subdistrict",), ("traffic-police",), ("traffic-police",))


def test_what_the_workbook_does_not_tell_stays(directory: Path, tmp_path: Path) -> None:
    before = load(directory).categories
    run(workbook(tmp_path / "w.xlsx"), directory)
    after = load(directory).categories
    was, now = before["gb30428", "P0101"], after["gb30428", "P0101"]
    kept = ("tile", "radius_m", "marks", "pays", "public", "en", "photo_required")
    assert [getattr(now, name) for name in kept] == [getattr(was, name) for name in kept]
    # a blank cell means "as above": the department, the closing condition
    assert [condition.closes for condition in now.conditions] == ["恢复完好"] * 3
    # what is life-safety stays so, with its repair limit and its code; the fourth condition is no more
    assert (now.conditions[0].code, now.conditions[0].priority, now.conditions[0].repair) == (
        "missing", "E", was.conditions[0].repair,
    )  # fmt: skip
    assert [condition.code for condition in now.conditions] == ["missing", "broken", "rattles"]
    assert limits_of(now)["破损面积超过25平方厘米"] == "N 6 wh"
    untouched = before.keys() - {("gb30428", code) for code in ("P0101", "P0217", "E0128")}
    assert all(after[key] == before[key] for key in untouched)


def test_the_same_workbook_again_changes_nothing(directory: Path, tmp_path: Path) -> None:
    file = workbook(tmp_path / "w.xlsx")
    run(file, directory)
    first = version(read(directory))
    status, told = run(file, directory)
    assert (status, told["changes"], version(read(directory))) == (0, [], first)


def test_a_dry_run_shows_and_writes_nothing(directory: Path, tmp_path: Path) -> None:
    before = version(read(directory))
    status, told = run(workbook(tmp_path / "w.xlsx"), directory, "--dry-run")
    assert (status, told["written"]) == (0, False)
    assert ["gb30428:P0101", "changed", "conditions.broken.limit", "4 wh", "6 wh"] in told["changes"]
    assert ["gb30428:P0136", "added", "", "", "测试设施"] in told["changes"]
    assert version(read(directory)) == before


def test_an_office_begins_with_departments_and_a_workbook(directory: Path, tmp_path: Path) -> None:
    (directory / "categories.yaml").unlink()
    status, told = run(workbook(tmp_path / "w.xlsx"), directory, "--scheme", "gb30428-2026")
    assert (status, told["written"]) == (0, True)
    # The sample's rules name categories that are no more: said, so that the office mends them next.
    assert any(line.startswith("routing.yaml") for line in told["remaining"])
    # No limit tells whether a life is at stake.
    assert told["maybe_class_e"] == ["gb30428-2026:P0101.c1 缺失、移位或开裂", "gb30428-2026:E0128.c1 正在扰民"]


@pytest.mark.parametrize(
    ("row", "column", "value", "where", "reason"),
    [
        (0, 0, "公用", "部件!A3 大类代码", "no code"),
        (0, 2, 223, "部件!C3 小类代码", "no code"),
        (0, 4, "供水与排水处", "部件!E3 处置单位", "'供水与排水处' is no department"),
        (0, 5, "社区", "部件!F3 主管部门", "'社区' is no department"),
        (1, 6, "缺失、移位或开裂", "部件!G4 立案条件", "twice"),
        (2, 8, "尽快", "部件!I5 处置时限", "is no limit"),
        (2, 8, "0小时", "部件!I5 处置时限", "a limit of 0"),
        (2, 8, "0.5天", "部件!I5 处置时限", "is no limit"),
        (2, 8, "2紧急工作时；5工作日", "部件!I5 处置时限", "is no limit"),
        (0, 8, "4紧急工作时", "部件!I3 处置时限", "class E"),
        (1, 3, "别的井盖", "部件!D4 小类名称", "'上水井盖' in row 3"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_by_sheet_cell_and_reason(
    directory: Path, tmp_path: Path, row: int, column: int, value: Any, where: str, reason: str
) -> None:
    parts = [list(line) for line in PARTS]
    parts[row][column] = value
    found = wrong(workbook(tmp_path / "w.xlsx", parts), directory)
    assert any(place == where and reason in why for place, why in found), found


def test_every_bad_row_of_both_sheets_is_named_at_once(directory: Path, tmp_path: Path) -> None:
    parts, events = [list(line) for line in PARTS], [list(line) for line in EVENTS]
    parts[1][8], parts[3][4], events[1][8] = "很快", "不存在的单位", "明天"
    found = dict(wrong(workbook(tmp_path / "w.xlsx", parts, events), directory))
    assert set(found) == {"部件!I4 处置时限", "部件!E6 处置单位", "部件!E7 处置单位", "事件!I4 处置时限"}


def test_a_first_row_has_nothing_above_it(directory: Path, tmp_path: Path) -> None:
    parts = [[None, None, None, None, None, None, "缺失", None, None]]
    found = dict(wrong(workbook(tmp_path / "w.xlsx", parts), directory))
    columns = {place.split()[1] for place, why in found.items() if "nothing above" in why}
    # who supervises and when it is closed may stay open
    assert columns == {"大类代码", "大类名称", "小类代码", "小类名称", "处置单位", "处置时限"}


def test_a_missing_sheet_or_column_and_what_is_no_workbook(directory: Path, tmp_path: Path) -> None:
    file = workbook(tmp_path / "w.xlsx", head=[*COLUMNS[:-1], "期限"])
    assert ("部件!2", "the column 处置时限 is missing") in wrong(file, directory)
    book = openpyxl.load_workbook(file)
    del book["事件"]
    book.save(file)
    assert ("事件", "the sheet is missing") in wrong(file, directory)
    file.write_bytes(b"PK, but no workbook")
    assert any("is no workbook" in why for _, why in wrong(file, directory))
    assert any("is no workbook" in why for _, why in wrong(tmp_path / "nowhere.xlsx", directory))


def test_departments_come_first(directory: Path, tmp_path: Path) -> None:
    (directory / "departments.yaml").unlink()
    assert any("must be known first" in why for _, why in wrong(workbook(tmp_path / "w.xlsx"), directory))


def test_a_name_of_a_department_may_be_added(directory: Path, tmp_path: Path) -> None:
    parts = [list(line) for line in PARTS]
    parts[0][4] = "供水与排水处"
    file = workbook(tmp_path / "w.xlsx", parts)
    wrong(file, directory)
    edit(directory, "departments.yaml", "[供水单位", "[供水与排水处, 供水单位")
    assert run(file, directory)[0] == 0


def test_a_workbook_of_another_order_of_columns(directory: Path, tmp_path: Path) -> None:
    order = [8, 7, 6, 5, 4, 3, 2, 1, 0]

    def turned(rows: Sequence[Cells]) -> list[Cells]:
        return [[row[n] for n in order] for row in rows]

    file = workbook(tmp_path / "w.xlsx", turned(PARTS), turned(EVENTS), [COLUMNS[n] for n in order])
    assert run(file, directory)[0] == 0
    assert limits_of(load(directory).categories["gb30428", "E0128"]) == {"正在扰民": "U 1 uh"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2紧急工作时", (2, "uh", "")),
        ("3紧急工作日", (3, "ud", "")),
        ("4小时", (4, "wh", "")),
        ("4 工作时", (4, "wh", "")),
        ("15天", (15, "wd", "")),
        ("5个工作日内", (5, "wd", "")),
        ("１２工作日", (12, "wd", "")),
        ("1紧急工作时制止", (1, "uh", "制止")),
        ("2工作时内清理完毕", (2, "wh", "清理完毕")),
    ],
)
def test_limits_in_words(text: str, expected: tuple[int, str, str]) -> None:
    limit, by_then = limits.parse(text)
    assert (limit.value, limit.unit, by_then) == expected


@pytest.mark.parametrize("text", ["", "小时", "两小时", "-2小时", "2", "2周", "1紧急工作时1小时", "1000天"])
def test_what_is_no_limit_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="no limit"):
        limits.parse(text)
