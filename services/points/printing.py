"""A paper as PDF with an embedded Chinese font, or as CSV. What the font lacks is printed as 〓, never as an empty box."""

import asyncio
import csv
import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from services.points.domain.paper import Paper, Table
from services.points.fonts import wanted_font

FONT = "qianshao-zh"
GETA = "〓"
_BOM = b"\xef\xbb\xbf"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Press:
    """Prints with the font of this machine."""

    def __init__(self, font: Path | None) -> None:
        self._font = font

    async def pdf(self, paper: Paper) -> bytes:
        """Beside the loop, because it takes a while. Raises `NoFont` where there is none."""
        return await asyncio.to_thread(as_pdf, paper, wanted_font(self._font))


def as_csv(paper: Paper) -> bytes:
    """Title, facts, then table after table, with empty lines between."""
    rows: list[Iterable[str | int]] = [(paper.title_zh, paper.title_en), *paper.facts]
    for table in paper.tables:
        rows += [(), (table.name,), table.heads, *table.rows]
    return csv_bytes([*rows, (), *((text,) for text in paper.foot)])


def csv_bytes(rows: Iterable[Iterable[str | int]]) -> bytes:
    """UTF-8 with BOM, so that a spreadsheet reads the Chinese; text that begins like a formula is made harmless."""
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(cell) for cell in row] for row in rows)
    return _BOM + out.getvalue().encode()


def _harmless(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_pdf(paper: Paper, font: Path) -> bytes:
    """A4. Raises `ValueError` naming the font file if it cannot be embedded."""
    from reportlab.lib.pagesizes import A4  # here: most processes never print, and it costs a third of a second
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    has, out = _face(font), io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=15 * mm,
        rightMargin=15 * mm,
        topMargin=15 * mm,
        bottomMargin=18 * mm,
        title=f"{paper.title_zh} {paper.title_en}",
        author="Qianshao",
    )
    document.build(_flow(paper, has, document.width), onFirstPage=_number, onLaterPages=_number)
    return out.getvalue()


def lacking(texts: Iterable[str], font: Path) -> set[str]:
    """Signs that the font does not have."""
    has = _face(font)
    return {sign for text in texts for sign in text if ord(sign) not in has}


@lru_cache(maxsize=2)
def _face(font: Path) -> frozenset[int]:
    """Make the font known to the PDF library, and answer which signs it has."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        made = TTFont(FONT, str(font), subfontIndex=0)
    except (TTFError, OSError, ValueError) as error:
        raise ValueError(f"QIANSHAO_FONT: {font} cannot be embedded: {error}") from error
    pdfmetrics.registerFont(made)
    return frozenset(made.face.charToGlyph)


def _flow(paper: Paper, has: frozenset[int], width: float) -> list[Any]:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, Spacer

    title = ParagraphStyle("title", fontName=FONT, fontSize=16, leading=22, alignment=1)
    text = ParagraphStyle("text", fontName=FONT, fontSize=9, leading=13, wordWrap="CJK")
    head = ParagraphStyle("head", fontName=FONT, fontSize=9, leading=13)
    name = ParagraphStyle("name", parent=text, fontSize=11, leading=16, spaceBefore=8, spaceAfter=3)

    def words(content: str | int, style: ParagraphStyle) -> Paragraph:
        return Paragraph(escape(_printable(str(content), has)), style)

    facts = Table("", (), paper.facts, (1, 3))
    found = [words(paper.title_zh, title), words(paper.title_en, title), Spacer(1, 8)]
    for table in (facts, *paper.tables):
        found += [words(table.name, name)] if table.name else []
        heads = [[words(cell, head) for cell in table.heads]] if table.heads else []
        rows = [[words(cell, text) for cell in row] for row in table.rows]
        found += [_grid([*heads, *rows], table, width)] if heads or rows else []
    return [*found, Spacer(1, 10), *(words(line, text) for line in paper.foot)]


def _grid(rows: list[list[Any]], table: Table, width: float) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table as Grid

    part = width / sum(table.widths)
    style: list[tuple[Any, ...]] = [
        ("GRID", (0, 0), (-1, -1), 0.4, HexColor("#999999")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
    if table.heads:
        style.append(("BACKGROUND", (0, 0), (-1, 0), HexColor("#eeeeee")))
    return Grid(rows, [part * share for share in table.widths], style=style, repeatRows=1 if table.heads else 0)


def _printable(text: str, has: frozenset[int]) -> str:
    stand_in = GETA if ord(GETA) in has else "?"
    return "".join(sign if ord(sign) in has else stand_in for sign in text)


def _number(canvas: Any, document: Any) -> None:
    """Below each page."""
    canvas.setFont(FONT, 8)
    canvas.drawCentredString(canvas._pagesize[0] / 2, 28, f"— {document.page} —")
