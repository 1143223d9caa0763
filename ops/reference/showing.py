"""How the commands of `qianshao reference` show things."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ops import output
from ops.output import Format
from shared.reference.files import Fault

_SHOWN = 40


def faults(source: Path, found: Iterable[Fault], format_: Format) -> None:
    """Everything that is wrong with a directory or a file."""
    wrong = sorted(found)
    if format_ is Format.JSON:
        typer.echo(output.as_json({"sound": False, "source": source, "faults": [asdict(fault) for fault in wrong]}))
        return
    console = Console(highlight=False)
    rows = [(fault.file, fault.where, fault.reason) for fault in wrong]
    table(console, ("文件 file", "位置 where", "原因 reason"), rows, shown=len(rows))
    console.print(
        f"[red]{len(wrong)} 处错误 faults[/red]  {escape(str(source))}: 不可使用 cannot be used", soft_wrap=True
    )


def table(console: Console, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], shown: int = _SHOWN) -> None:
    """Nothing is cut off: a long code is folded, because it is what one looks for in the file."""
    if not rows:
        return
    drawn = Table(*(Column(head, overflow="fold") for head in heads), box=SIMPLE)
    for row in rows[:shown]:
        drawn.add_row(*map(escape, row))
    console.print(drawn)
    if len(rows) > shown:
        console.print(f"     … {len(rows) - shown} more, all with -o json")
