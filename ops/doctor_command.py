"""`qianshao doctor`: what is wrong and how to mend it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import output
from ops.doctor.examine import examine, faulty
from ops.doctor.facts import gather
from ops.doctor.finding import Finding, Level
from ops.installation import Installation
from ops.local.state import REPOSITORY
from ops.output import Format, Output
from shared.clock import system_clock

_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "red", Level.SKIPPED: "bright_black"}


def doctor(
    reference: Annotated[
        Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")
    ] = REPOSITORY / "deploy/reference/beidajie",
    replication: Annotated[int, typer.Option(min=1, help="replicas of each topic; the embedded broker has 1")] = 3,
    output_: Output = Format.TEXT,
) -> None:
    """体检 · Look at everything; each finding says how to mend it. Exit status 1 if there is a fault."""

    async def look() -> list[Finding]:
        installation = Installation.known()
        replicas = 1 if installation.root else replication
        return examine(await gather(installation, reference, system_clock, replicas))

    found = output.carry_out(look)
    if output_ is Format.JSON:
        typer.echo(output.as_json({"healthy": not faulty(found), "findings": [asdict(one) for one in found]}))
    else:
        _show(found, Console(highlight=False))
    raise typer.Exit(output.WRONG if faulty(found) else output.FINE)


def _show(found: list[Finding], console: Console) -> None:
    table = Table("检查 check", "", "发现 finding → 处理 fix", box=SIMPLE)
    for one in found:
        fix = f"\n→ {one.fix}" if one.fix else ""
        table.add_row(one.check, f"[{_COLOURS[one.level]}]{one.level}[/]", escape(one.what + fix))
    console.print(table)
    faults = sum(one.level is Level.FAULT for one in found)
    console.print(f"[red]{faults} 处故障 faults[/red]" if faults else "[green]健康 healthy[/green]")
