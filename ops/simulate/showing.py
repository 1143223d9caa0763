"""A played day for people: the account, line by line, and the rules."""

from collections.abc import Iterable

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from ops.check import command as check
from ops.simulate.run import Outcome
from ops.simulate.totals import NAMES, Line, Totals, compare


def show_expected(totals: Totals, console: Console) -> None:
    """What is going to be sent."""
    lines = [line for line in compare(totals, {}) if ":" not in line.name]
    console.print("预计 expected  " + "  ".join(f"{NAMES[line.name]} {line.name} {line.expected}" for line in lines))


def show(outcome: Outcome, seconds: float, console: Console) -> None:
    """The account, then the nine rules over the incidents of the day."""
    console.print(_table(outcome.lines))
    check.show(outcome.check, console)
    verdict = "[green]全部相符 all equal[/green]" if outcome.fine else "[red]不相符 not equal[/red]"
    console.print(f"{verdict}  {seconds:.0f} s")


def _table(lines: Iterable[Line]) -> Table:
    table = Table("", "项目", "item", "预计\nexpected", "实际\nseen", box=SIMPLE)
    for line in lines:
        head, _, rest = line.name.partition(":")
        mark = "[green]✓[/green]" if line.equal else "[red]✗[/red]"
        table.add_row(mark, f"{NAMES[head]} {rest}".strip(), line.name, str(line.expected), str(line.seen))
    return table
