"""`qianshao points check`: every passbook against its entries, and the sum of all accounts."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ops import output
from ops.look import Access, looking
from ops.output import Format, Output
from services.points.auditing import Moving, audit
from services.points.domain.audit import Found

app = typer.Typer(no_args_is_help=True, help="积分账 the ledger of points")


class NoPassbook(RuntimeError):
    """Nothing was ever written for this rider."""


@app.callback()
def _points() -> None:
    """So that `check` stays a command of its own while it is the only one."""


@app.command()
def check(
    rider: Annotated[str | None, typer.Option("--rider", help="one rider's passbook alone (his account id)")] = None,
    output_: Output = Format.TEXT,
) -> None:
    """核对积分存折 · Compare every passbook with its entries and its hash chain; exit 1 if one differs."""
    found = output.carry_out(lambda: compare(rider), NoPassbook, Moving)
    if output_ is Format.JSON:
        typer.echo(output.as_json({**asdict(found), "differing": found.differing, "well": found.well}))
    else:
        show(found, Console(highlight=False))
    raise typer.Exit(output.FINE if found.well else output.WRONG)


async def compare(rider: str | None) -> Found:
    """Raises `CannotLook`, `NoPassbook`, `Moving`."""
    query = {} if rider is None else {"_id": rider}
    async with looking(Access.known()) as look:
        found = await look.read("points", lambda database: audit(database, query))
    assert found is not None  # nobody told it to stop
    if rider is not None and not found.passbooks:
        raise NoPassbook(f"没有这个存折 no passbook of {rider}")
    return found


def show(found: Found, console: Console) -> None:
    """For people."""
    sums = found.sum
    console.print(f"存折 passbooks {found.passbooks}  分录 entries {found.entries}  不符 differing {found.differing}")
    console.print(f"总和 sum of all accounts  {sums.posted} / {sums.pending} / {sums.owed}")
    for fault in found.faults:
        console.print(
            f"[red]✗[/red] {escape(fault.account)} {escape(fault.entry)} {escape(fault.reason)}", soft_wrap=True
        )
