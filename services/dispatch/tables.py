"""Tables as files that a spreadsheet opens: nothing in a cell is ever a formula, whatever somebody wrote in his report."""

import csv
import io
import re
from collections.abc import Iterable

from openpyxl import Workbook

_FORMULA = tuple("=+-@＝＋－＠|%")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_LONGEST = 32_000
"""A cell of XLSX holds 32,767 characters."""


def guarded(text: str) -> str:
    """The text as a cell that a spreadsheet shows and never computes; what XML cannot hold becomes a blank."""
    clean = _CONTROL.sub(" ", text)[:_LONGEST]
    return f"'{clean}" if clean.lstrip().startswith(_FORMULA) else clean


def as_csv(rows: Iterable[list[str]]) -> bytes:
    """UTF-8 with the mark by which Excel knows it."""
    out = io.StringIO()
    csv.writer(out).writerows([guarded(text) for text in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(title: str, rows: Iterable[list[str]]) -> bytes:
    """A workbook of one sheet, all of its cells text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append([guarded(text) for text in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
