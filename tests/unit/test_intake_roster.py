"""Rosters: what is read from which file, every fault by its row, all or nothing, and the same file again."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from openpyxl import Workbook

from services.intake.domain.account import Account
from services.intake.domain.roster import HEADS, Places, Planned
from services.intake.roster import ImportRoster, read_roster
from services.intake.sheets import MAX_BYTES, MAX_ROWS, read_table
from services.intake.store import ACCOUNTS
from shared.context import Context
from shared.errors import Invalid
from shared.ids import new_id
from shared.mongo.lane import Lane
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.people import HERE, THERE

PLACES = Places(
    {"140302003001": "新建路社区", "140302003002": "大桥社区"}, frozenset({"water", "community-140302003001"})
)
CHINESE = ("姓名", "手机号", "角色", "平台", "工号", "小队", "队长", "所属社区", "负责社区", "部门", "状态")
PEOPLE = (
    ("张三", "138 1234 5678", "骑手", "platform-a", "A-0001", "squad-1", "是", "新建路社区", "", "", "在岗"),
    ("李四", "13812345679", "骑手", "platform-a", "A-0002", "squad-1", "", "140302003001", "", "", ""),
    ("王五", "13812345680", "社区工作人员", "", "", "", "", "", "新建路、大桥社区", "", ""),
    ("赵六", "0353-2123456", "部门", "", "", "", "", "", "", "water", ""),
    ("孙七", "13812345682", "街道负责人", "", "", "", "", "", "", "", ""),
)


def as_csv(rows: Sequence[Sequence[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(out)
    return out.getvalue()


def with_part(content: bytes, name: str, text: bytes) -> bytes:
    """The workbook with one more part, or another one under that name."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, text)
    return out.getvalue()


SHEET = (CHINESE, *PEOPLE)
ENGLISH = (tuple(HEADS), *PEOPLE)


@pytest.mark.parametrize(
    "content",
    [
        as_csv(SHEET),
        as_csv(SHEET, "utf-8-sig"),
        as_csv(SHEET, "gb18030"),
        as_csv(SHEET, "utf-8", ";"),
        as_csv(SHEET, "utf-8", "\t"),
        as_csv(ENGLISH),
        as_csv(SHEET).replace(b"\r\n", b"\n") + b"\n,,,\n\n",
        as_xlsx(SHEET),
        as_xlsx([CHINESE, (PEOPLE[0][0], 13812345678, *PEOPLE[0][2:]), *PEOPLE[1:], ()]),
        as_xlsx([CHINESE, (PEOPLE[0][0], 13812345678.0, *PEOPLE[0][2:]), *PEOPLE[1:]]),
    ],
    ids=["utf-8", "bom", "gb18030", "semicolon", "tab", "english", "unix", "xlsx", "number", "float"],
)
def test_whatever_the_file_the_people_are_the_same(content: bytes) -> None:
    lines = read_roster(read_table(content), PLACES)
    assert [fault for line in lines for fault in line.faults] == []
    assert [line.row for line in lines] == [2, 3, 4, 5, 6]
    first, _, clerk, water, _ = (line.values for line in lines)
    assert first["phone"] == "13812345678"
    assert (first["role"], first["captain"], first["community"]) == ("rider", True, "140302003001")
    assert clerk["communities"] == ("140302003001", "140302003002")
    assert (water["phone"], water["department"]) == ("03532123456", "water")


BOMB = with_part(as_xlsx(SHEET), "xl/media/big.xml", b"0" * (21 * 1024 * 1024))
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"x" * (MAX_BYTES + 1), "bytes"),
        (as_csv([CHINESE, *[PEOPLE[0]] * (MAX_ROWS + 1)]), "rows"),
        (as_xlsx([CHINESE, *[("a",)] * (MAX_ROWS + 1)]), "rows"),
        (as_csv([[f"c{n}" for n in range(60)]]), "columns"),
        (as_xlsx([[f"c{n}" for n in range(60)]]), "columns"),
        (as_csv([CHINESE, ("x" * 501,)]), "characters"),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "encrypted workbook"),
        (b"\xff\xfe\x00\x01binary", "neither CSV nor XLSX"),
        (b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        (b'name,phone\n"open', "no CSV"),
        (as_xlsx([CHINESE, ("张三", "=1+1")]), "formula"),
        (with_part(as_xlsx(SHEET), "xl/vbaProject.bin", b"vba"), "macros"),
        (with_part(as_xlsx(SHEET), "xl/externalLinks/externalLink1.xml", b"<x/>"), "links"),
        (with_part(as_xlsx(SHEET), "xl/worksheets/sheet1.xml", LAUGHS), "entities"),
        (with_part(as_xlsx(SHEET), "xl/worksheets/sheet1.xml", LAUGHS.decode().encode("utf-16-le")), "entities"),
        (with_part(as_xlsx(SHEET), "xl/workbook.xml", b"<broken"), "no usable workbook"),
        (b"PK\x03\x04rubbish", "no usable workbook"),
        (as_xlsx(SHEET)[:-200], "no usable workbook"),
        (BOMB, "unpacks"),
    ],
)
def test_what_is_no_roster_is_refused_by_name(content: bytes, word: str) -> None:
    assert len(BOMB) < 100_000
    with pytest.raises(Invalid, match=word) as refused:
        read_table(content)
    assert refused.value.errors[0].field == "file"


def test_a_sheet_that_claims_a_million_rows_costs_nothing() -> None:
    content = as_xlsx(SHEET)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    far = sheet.replace(b'ref="A1:K6"', b'ref="A1:XFD1048576"').replace(b'r="6"', b'r="1048576"')
    assert far != sheet
    assert len(read_table(with_part(content, "xl/worksheets/sheet1.xml", far))) <= 6


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        (("姓名", "手机号", "星座"), ["星座"]),
        (("姓名", "name", "手机号"), ["name"]),
        (("手机号",), ["name"]),
        (("姓名", "平台"), ["phone"]),
    ],
)
def test_a_head_that_nothing_can_be_read_by(head: tuple[str, ...], fields: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_roster(read_table(as_csv([head, ["x"] * len(head)])), PLACES)
    assert [(fault.row, fault.field) for fault in refused.value.errors] == [(1, field) for field in fields]


class Office:
    """Imports into one store, by an administrator of one sub-district."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store, self.lane = store, lane

    async def take(
        self, rows: Sequence[Sequence[str]], *, dry_run: bool = False, subdistrict: str = HERE, actor: str = "admin"
    ) -> list[Planned]:
        lines = tuple(read_roster(read_table(as_csv(rows)), PLACES))
        fresh, context = tuple(new_id() for _ in lines), Context(f"administrator:{actor}", "c-1")
        return await self.lane.submit(ImportRoster(ACCOUNTS, lines, fresh, subdistrict, actor, dry_run, context))

    async def faults(self, rows: Sequence[Sequence[str]], **more: Any) -> list[tuple[int | None, str]]:
        before = dict(self.store.documents)
        with pytest.raises(Invalid) as refused:
            await self.take(rows, **more)
        assert self.store.documents == before
        assert "138" not in str(refused.value.errors)
        return [(fault.row, fault.field) for fault in refused.value.errors]

    def accounts(self) -> dict[str | None, Account]:
        found = [ACCOUNTS.load(d) for ref, d in self.store.documents.items() if ref.collection == "accounts"]
        return {one.name: one for one in found}


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Office(store, lane)


def what(planned: list[Planned]) -> list[str]:
    return [one.what for one in planned]


async def test_a_dry_run_says_all_and_does_nothing(office: Office) -> None:
    assert what(await office.take(SHEET, dry_run=True)) == ["created"] * 5
    assert (office.store.documents, office.store.rows) == ({}, [])


async def test_the_same_file_again_changes_nothing(office: Office) -> None:
    assert what(await office.take(SHEET)) == ["created"] * 5
    documents = dict(office.store.documents)
    assert what(await office.take(SHEET)) == ["unchanged"] * 5
    assert office.store.documents == documents
    assert len(office.store.rows) == 5
    people = office.accounts()
    assert (people["张三"].status, people["李四"].status, people["王五"].status) == ("active", "trainee", "active")
    assert people["王五"].communities == ("140302003001", "140302003002")


async def test_a_change_is_told_by_its_fields_and_who_is_missing_stays(office: Office) -> None:
    await office.take(SHEET)
    moved = ("张三", "13900000000", "", "platform-a", "A-0001", "squad-2", "", "大桥", "", "", "")
    gone = ("李四", "13812345679", "", "platform-a", "A-0002", "squad-1", "", "140302003001", "", "", "离队")
    planned = await office.take([CHINESE, moved, gone])
    assert [(one.what, one.fields) for one in planned] == [
        ("changed", ("phone", "squad", "captain", "community")),
        ("left", ("status",)),
    ]
    people = office.accounts()
    assert (people["张三"].phone, people["张三"].role, people["张三"].captain) == ("13900000000", "rider", False)
    assert (people["李四"].status, people["王五"].status) == ("left", "active")
    # the number that was given up is free again
    newcomer = ("周八", "13812345678", "骑手", "", "", "", "", "", "", "", "")
    assert what(await office.take([CHINESE, newcomer])) == ["created"]


async def test_a_column_that_is_absent_changes_nothing(office: Office) -> None:
    await office.take(SHEET)
    planned = await office.take([("姓名", "手机号", "小队"), ("张三", "13812345678", "squad-7")])
    assert [one.fields for one in planned] == [("squad",)]
    assert office.accounts()["张三"].number == "A-0001"
    # at another partner his number would be another's key
    await office.take([("姓名", "平台", "工号"), ("吴九", "platform-b", "A-0001")])
    assert await office.faults([("姓名", "手机号", "平台"), ("张三", "13812345678", "platform-b")]) == [(2, "number")]


async def test_every_fault_of_every_row_at_once(office: Office) -> None:
    await office.take(SHEET)
    rows = (
        CHINESE,
        ("=cmd()", "12", "皇帝", "a b", "!", "x y", "也许", "火星", "火星", "fire", "飞了"),
        ("好人", "13700000001", "骑手", "", "", "", "", "", "", "", ""),
        ("", "", "", "", "", "", "", "", "", "", ""),
        ("双", "13700000001", "", "", "", "", "", "", "", "", ""),
        ("无名", "", "骑手", "", "", "", "", "", "", "", ""),
        ("张三", "13812345678", "", "platform-a", "A-0002", "", "", "", "", "", ""),
        ("职员", "13700000002", "staff", "", "", "squad-1", "", "", "", "", ""),
        ("队长", "13700000003", "rider", "", "", "", "是", "", "", "", ""),
        ("张三", "", "", "platform-a", "A-0001", "", "", "", "", "", ""),
    )
    found = await office.faults(rows)
    assert [field for row, field in found if row == 2] == sorted(HEADS)
    assert [one for one in found if one[0] != 2] == [
        (5, "phone"),
        (6, "phone"),
        (7, "number"),
        (8, "communities"),
        (8, "squad"),
        (9, "squad"),
    ]


async def test_two_rows_for_one_account(office: Office) -> None:
    await office.take(SHEET)
    by_phone = ("张三", "13812345678", "", "", "", "", "", "", "", "", "")
    by_number = ("张三", "13700000009", "", "platform-a", "A-0001", "", "", "", "", "", "")
    assert await office.faults([CHINESE, by_phone, by_number]) == [(3, "phone")]


async def test_a_status_follows_the_table(office: Office) -> None:
    await office.take(SHEET)
    back = ("张三", "13812345678", "", "platform-a", "A-0001", "squad-1", "是", "新建路", "", "", "见习")
    assert await office.faults([CHINESE, back]) == [(2, "status")]


async def test_another_sub_district_is_neither_seen_nor_touched(office: Office) -> None:
    await office.take(SHEET)
    assert await office.faults([CHINESE, PEOPLE[4]], subdistrict=THERE) == [(2, "phone")]


async def test_nobody_changes_his_own_role_by_a_roster(office: Office) -> None:
    await office.take(SHEET)
    lead = office.accounts()["孙七"].id
    crown = (*PEOPLE[4][:2], "管理员", *PEOPLE[4][3:])
    assert await office.faults([CHINESE, crown], actor=lead) == [(2, "role")]
    assert what(await office.take([CHINESE, crown])) == ["changed"]
