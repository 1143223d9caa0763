"""Tables that people send: CSV or XLSX as rows of text, with a limit on everything and no trust in anything."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from openpyxl import load_workbook

from shared.errors import FieldError, Invalid

MAX_BYTES = 2 * 1024 * 1024
MAX_ROWS = 2_000
MAX_COLUMNS = 50
MAX_CELL = 500
MAX_UNPACKED = 20 * 1024 * 1024
MAX_PARTS = 200

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENTITIES = tuple(
    word.encode(code) for word in ("<!DOCTYPE", "<!ENTITY") for code in ("utf-8", "utf-16-le", "utf-16-be")
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line as people count them: the head is row 1."""

    number: int
    cells: tuple[str, ...]


def read_table(content: bytes) -> list[Row]:
    """The rows that hold anything, the head first, cells without blanks around. Raises `Invalid` naming what is refused."""
    if len(content) > MAX_BYTES:
        raise _refused(f"is over {MAX_BYTES:,} bytes")
    if content.startswith(_OLE):
        raise _refused("is an old or an encrypted workbook; save it as .xlsx without a password, or as CSV")
    rows = _of_xlsx(content) if content.startswith(_ZIP) else _of_csv(content)
    return list(_bounded(rows))


def _bounded(rows: Iterable[tuple[int, list[str]]]) -> Iterator[Row]:
    seen = 0
    for number, cells in rows:
        texts = tuple(cell.strip() for cell in cells)
        if not any(texts):
            continue
        seen += 1
        if seen > MAX_ROWS + 1:
            raise _refused(f"has more than {MAX_ROWS:,} rows")
        if len(texts) > MAX_COLUMNS and any(texts[MAX_COLUMNS:]):
            raise _refused(f"has more than {MAX_COLUMNS} columns", number)
        if any(len(text) > MAX_CELL for text in texts):
            raise _refused(f"a cell of over {MAX_CELL} characters", number)
        yield Row(number, texts[:MAX_COLUMNS])


def _of_csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _text(content)
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in lines:
            yield lines.line_num, cells
    except csv.Error as error:
        raise _refused(f"is no CSV: {error}", lines.line_num) from None


def _text(content: bytes) -> str:
    """UTF-8 with or without a mark, else GB18030, as Excel in China saves it."""
    if b"\x00" in content:
        raise _refused("is neither CSV nor XLSX")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("is neither UTF-8 nor GB18030")


def _of_xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _inspect(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        # a row too many and a column too many show that there are more, without reading a million empty ones
        for cells in sheet.iter_rows(max_row=MAX_ROWS * 2, max_col=MAX_COLUMNS + 1):
            filled = [cell for cell in cells if cell.value is not None]
            if filled:
                yield filled[0].row, [_cell(cell) for cell in cells]
    except Invalid:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a foreign file breaks in the library, the file is to blame
        raise _refused(f"is no usable workbook: {type(error).__name__}") from None


def _inspect(content: bytes) -> None:
    """Look at the parts before anything is unpacked as a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise _refused(f"unpacks to more than {MAX_PARTS} parts or {MAX_UNPACKED:,} bytes")
        for part in parts:
            name = part.filename.lower()
            if part.flag_bits & 1:
                raise _refused("is encrypted")
            if (name.endswith(".bin") and "vba" in name) or name.startswith(("xl/macrosheets", "xl/dialogsheets")):
                raise _refused("has macros; save it as .xlsx without them")
            if name.startswith(("xl/externallinks", "xl/embeddings")):
                raise _refused("has links to other files or embedded ones; save it without them")
            # zipfile hands out no more bytes than a part declares, so the sum above holds
            if name.endswith((".xml", ".rels")) and any(word in archive.read(part) for word in _ENTITIES):
                raise _refused("defines entities, which no program for tables writes")


def _cell(cell: Any) -> str:
    if cell.data_type == "f":
        raise _refused(f"{cell.coordinate} holds a formula; paste values only", cell.row)
    if cell.data_type == "e":
        raise _refused(f"{cell.coordinate} holds an error", cell.row)
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a telephone number that Excel took for an amount
    return str(value)


def _refused(reason: str, row: int | None = None) -> Invalid:
    where = "file" if row is None else f"file, row {row}"
    return Invalid(f"{where}: {reason}", FieldError("file", reason, row))
