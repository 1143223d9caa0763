"""`qianshao check`: look, wait until nothing moves, look again, judge."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import output
from ops.check.finding import NOTHING, Finding
from ops.check.gather import gather
from ops.check.narrowing import about
from ops.check.rules import judge
from ops.check.snapshot import Snapshot
from ops.look import Access, Look, looking
from ops.output import Format, Output
from shared.clock import Clock, system_clock

SETTLE_SECONDS = 10.0
"""How long live data may take to come to rest before it is judged as it is."""

_AGAIN_SECONDS = 0.5
_SHOWN = 5

Incidents = Annotated[list[str] | None, typer.Option("--incident", help="id of an incident, repeatable: only these")]


@dataclass(frozen=True, slots=True)
class Report:
    """Findings of all rules, and what had not settled (empty: everything had)."""

    findings: tuple[Finding, ...]
    unsettled: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return all(finding.clean for finding in self.findings)


def check(output_: Output = Format.TEXT, incident: Incidents = None) -> None:
    """九条铁律 · The nine rules that must always hold, over live data. Exit status 1: one is violated."""
    report = output.carry_out(lambda: _check(incident or ()))
    if output_ is Format.JSON:
        typer.echo(output.as_json(_plain(report)))
    else:
        show(report, Console(highlight=False))
    raise typer.Exit(output.FINE if report.clean else output.WRONG)


async def _check(incidents: Sequence[str]) -> Report:
    async with looking(Access.known()) as look:
        return await examine(look, incidents, system_clock)


async def examine(look: Look, incidents: Sequence[str], clock: Clock, settle_seconds: float = SETTLE_SECONDS) -> Report:
    """Judge when nothing moves, or after `settle_seconds`. A violation counts if a second look finds it again: between
    the reads of one look, live data go on. Raises `CannotLook`.
    """
    deadline = asyncio.get_running_loop().time() + settle_seconds
    snapshot = await _look(look, incidents, clock)
    while snapshot.unsettled() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_AGAIN_SECONDS)
        snapshot = await _look(look, incidents, clock)
    findings = judge(snapshot)
    if not all(finding.clean for finding in findings):
        await asyncio.sleep(_AGAIN_SECONDS)
        snapshot = await _look(look, incidents, clock)
        findings = [_in_both(*pair) for pair in zip(findings, judge(snapshot), strict=True)]
    return Report(tuple(findings), tuple(snapshot.unsettled()))


async def _look(look: Look, incidents: Sequence[str], clock: Clock) -> Snapshot:
    snapshot = await gather(look, clock())
    return about(snapshot, incidents) if incidents else snapshot


def _in_both(first: Finding, second: Finding) -> Finding:
    seen = {*first.violations}
    return replace(second, violations=tuple(violation for violation in second.violations if violation in seen))


def _plain(report: Report) -> dict[str, Any]:
    findings = [{"clean": finding.clean, **asdict(finding)} for finding in report.findings]
    return {"clean": report.clean, "findings": findings, "unsettled": report.unsettled}


def show(report: Report, console: Console) -> None:
    """For people: one line a rule, then the first violations of each."""
    table = Table("", "", "规则 rule", "计数\ncounted", "违反\nviolations", box=SIMPLE)
    for finding in report.findings:
        mark = "[green]✓[/green]" if finding.clean else "[red]✗[/red]"
        broken = 0 if finding.violations == (NOTHING,) else len(finding.violations)
        table.add_row(mark, str(finding.rule), f"{finding.zh}\n{finding.en}", str(finding.counted), str(broken))
    console.print(table)
    for finding in report.findings:
        for violation in finding.violations[:_SHOWN]:
            console.print(f"[red]✗ {finding.rule}[/red]  {escape(violation)}", soft_wrap=True)
        if len(finding.violations) > _SHOWN:
            console.print(f"     … {len(finding.violations) - _SHOWN} more, all with -o json")
    for sentence in report.unsettled[:_SHOWN]:
        console.print(f"[yellow]未静止 still moving[/yellow]  {escape(sentence)}", soft_wrap=True)
    if len(report.unsettled) > _SHOWN:
        console.print(f"     … {len(report.unsettled) - _SHOWN} more, all with -o json")
