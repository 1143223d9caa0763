"""The standard workbook of categories: sheets 部件 and 事件, row 1 title, row 2 head, data from row 3, blank = as above."""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from ops.reference import limits
from shared.reference.categories import Limit
from shared.reference.files import Fault

SHEETS = {"部件": "P", "事件": "E"}
MAJOR, MAJOR_NAME, MINOR, MINOR_NAME = "大类代码", "大类名称", "小类代码", "小类名称"
ACTS, SUPERVISES, CONDITION, CLOSES, LIMIT = "处置单位", "主管部门", "立案条件", "结案条件", "处置时限"
COLUMNS = (MAJOR, MAJOR_NAME, MINOR, MINOR_NAME, ACTS, SUPERVISES, CONDITION, CLOSES, LIMIT)
OPTIONAL = frozenset({SUPERVISES, CLOSES})
"""May be blank with nothing above."""

HEAD_ROW, FIRST_ROW = 2, 3
MAX_BYTES, MAX_UNPACKED, MAX_ROWS, MAX_COLUMNS = 10_000_000, 100_000_000, 5_000, 50

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a condition of a category with its limit. `cells` and `at` are for saying what is wrong with it later."""

    code: str
    major: str
    zh: str
    acts: str
    supervises: str
    condition: str
    closes: str
    limit: Limit
    sheet: str
    number: int
    columns: Mapping[str, str]

    def fault(self, file: str, column: str, reason: str) -> Fault:
        """A fault of one of its cells: `部件!I5 处置时限`."""
        return _fault(file, self.sheet, self.columns[column], self.number, column, reason)


def read(path: Path, faults: list[Fault]) -> list[Row]:
    """Every row that can be read; what cannot be is a fault with sheet, cell and column."""
    try:
        _check_size(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException) as error:
        faults.append(Fault(path.name, "", f"is no workbook (.xlsx): {error}"))
        return []
    try:
        missing = [sheet for sheet in SHEETS if sheet not in book.sheetnames]
        faults += [Fault(path.name, sheet, "the sheet is missing") for sheet in missing]
        found = []
        for sheet in (sheet for sheet in SHEETS if sheet not in missing):
            lines = list(book[sheet].iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True))
            found += list(_sheet(path.name, sheet, lines, faults))
        return found
    finally:
        book.close()


def _check_size(path: Path) -> None:
    """An xlsx is a zip: what it unpacks to is told in it. Raises `ValueError`."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES:,} bytes")
    with zipfile.ZipFile(path) as packed:
        if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
            raise ValueError(f"unpacks to more than {MAX_UNPACKED:,} bytes")


def _sheet(file: str, sheet: str, lines: Sequence[Sequence[Any]], faults: list[Fault]) -> Iterator[Row]:
    head = [re.sub(r"\s", "", _text(cell)) for cell in lines[HEAD_ROW - 1]] if len(lines) >= HEAD_ROW else []
    letters = {column: get_column_letter(head.index(column) + 1) for column in COLUMNS if column in head}
    absent = [column for column in COLUMNS if column not in letters]
    faults += [Fault(file, f"{sheet}!{HEAD_ROW}", f"the column {column} is missing") for column in absent]
    if len(lines) > MAX_ROWS:
        faults.append(Fault(file, sheet, f"has more than {MAX_ROWS} rows"))
    if absent or len(lines) > MAX_ROWS:
        return
    above: dict[str, str] = {}
    for number, line in enumerate(lines[FIRST_ROW - 1 :], FIRST_ROW):
        own = {column: _text(line[head.index(column)]) for column in COLUMNS}
        if any(own.values()):
            above = {column: own[column] or above.get(column, "") for column in COLUMNS}
            row = _row(file, sheet, number, letters, above, faults)
            if row:
                yield row


def _row(
    file: str, sheet: str, number: int, letters: Mapping[str, str], cells: Cells, faults: list[Fault]
) -> Row | None:
    wrong: list[tuple[str, str]] = [
        (column, "blank, and nothing above it") for column in COLUMNS if not cells[column] and column not in OPTIONAL
    ]
    major, minor = _digits(cells[MAJOR]), _digits(cells[MINOR])
    if len(minor) in (3, 4) and minor.zfill(4).startswith(major):  # written with its class: 105 and 0105 are 05 of 01
        minor = minor[-2:]
    for column, code in ((MAJOR, major), (MINOR, minor)):
        if cells[column] and len(code) != 2:
            wrong.append((column, f"{cells[column]!r} is no code of one or two digits"))
    limit, by_then = None, ""
    if cells[LIMIT]:
        try:
            limit, by_then = limits.parse(cells[LIMIT])
        except ValueError as error:
            wrong.append((LIMIT, str(error)))
    faults += [_fault(file, sheet, letters[column], number, column, reason) for column, reason in wrong]
    if wrong or limit is None:
        return None
    return Row(
        code=SHEETS[sheet] + major + minor,
        major=cells[MAJOR_NAME],
        zh=cells[MINOR_NAME],
        acts=cells[ACTS],
        supervises=cells[SUPERVISES],
        condition=cells[CONDITION],
        closes="，".join(part for part in (cells[CLOSES], by_then) if part),
        limit=limit,
        sheet=sheet,
        number=number,
        columns=letters,
    )


def _text(cell: Any) -> str:
    """A cell as people see it: numbers without a decimal point, lines joined."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(str(cell).split())


def _digits(text: str) -> str:
    """A code with its leading zero, which spreadsheets drop; "" if it is none."""
    return text.zfill(2) if text.isascii() and text.isdigit() else ""


def _fault(file: str, sheet: str, letter: str, number: int, column: str, reason: str) -> Fault:
    return Fault(file, f"{sheet}!{letter}{number} {column}", reason)
