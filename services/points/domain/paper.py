"""Something to print or to open in a spreadsheet: a heading, facts, tables, and what stands below. Words in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """`heads` in both languages, one a column; `widths` are parts of the width. Cells are text or whole numbers."""

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """`facts` are label and value; `foot` are sentences below everything."""

    title_zh: str
    title_en: str
    facts: tuple[tuple[str, str | int], ...]
    tables: tuple[Table, ...] = ()
    foot: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """Everything that is printed, to see whether a font has it all."""
        cells = [str(cell) for table in self.tables for row in table.rows for cell in row]
        heads = [text for table in self.tables for text in (table.name, *table.heads)]
        facts = [str(text) for fact in self.facts for text in fact]
        return [self.title_zh, self.title_en, *facts, *heads, *cells, *self.foot]
