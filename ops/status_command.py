"""`qianshao status`: one screen."""

from collections.abc import Mapping
from dataclasses import asdict

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from ops import output
from ops.groups import Group
from ops.installation import Installation
from ops.output import Format, Output
from ops.processes import Seen
from ops.status import Books, Status, gather
from shared.clock import system_clock


def status(output_: Output = Format.TEXT) -> None:
    """一屏看全 · One screen: processes, outbox, held keys, dead letters, lag, incidents."""
    found = output.carry_out(lambda: gather(Installation.known(), system_clock))
    if output_ is Format.JSON:
        typer.echo(output.as_json({**asdict(found), "wrong": found.wrong}))
    else:
        show(found, Console(highlight=False))
    raise typer.Exit(output.WRONG if found.wrong else output.FINE)


def show(found: Status, console: Console) -> None:
    """For people."""
    console.print(f"前哨 Qianshao  {found.at:%Y-%m-%d %H:%M:%S} UTC")
    console.print(_processes(found.processes))
    console.print(_books(found.books))
    console.print(_groups(found.groups))
    console.print(f"事件 incidents  {_counts(found.incidents)}")
    if letters := sum(one.letters for one in found.books):
        console.print(f"{letters} 封死信待处理 dead letters to settle → qianshao dlq ls", style="yellow")
    for code, sentence in found.deaf.items():
        console.print(f"部门失聪 deaf: {code}: {sentence} → 致电部门 call them", style="yellow", soft_wrap=True)
    for sentence in found.wrong:
        console.print(f"! {sentence}", style="red", markup=False, soft_wrap=True)
    console.print(
        "[red]有异常 something is wrong[/red] → qianshao doctor" if found.wrong else "[green]正常 all well[/green]"
    )


def _processes(seen: list[Seen]) -> Table:
    table = Table("进程 process", "就绪 ready", "参考数据 reference", "发件 relay", box=SIMPLE)
    for one in seen:
        ready = "[green]✓[/green]" if one.ready else "[red]✗[/red] " + ", ".join(one.failing)
        table.add_row(one.name, ready, one.reference, {None: "", True: "●", False: "○"}[one.relay_active])
    return table


def _books(books: list[Books]) -> Table:
    waiting = ("发件箱 outbox", "最老 oldest", "扣住 parked", "扣键 held", "死信 letters")
    table = Table("服务 service", *waiting, "租约 lease", box=SIMPLE)
    for one in books:
        held = f"{one.held} ({one.dead_keys} †)" if one.dead_keys else str(one.held)
        oldest = f"{one.oldest_seconds:.1f} s" if one.outbox else "-"
        holder = one.holder.rsplit("/", 1)[0] or "[red]无人 nobody[/red]"
        table.add_row(one.service, str(one.outbox), oldest, str(one.parked), held, _alarming(one.letters), holder)
    return table


def _groups(found: list[Group]) -> Table:
    table = Table("消费组 group", "状态 state", "成员 members", "滞后 lag", box=SIMPLE)
    for one in found:
        behind = ", ".join(f"{topic} {lag}" for topic, lag in sorted(one.lag.items()) if lag)
        table.add_row(one.name, one.state, str(one.members), behind or "0")
    return table


def _counts(incidents: Mapping[str, int]) -> str:
    return "  ".join(f"{state} {number}" for state, number in incidents.items()) or "无 none"


def _alarming(number: int) -> str:
    return f"[yellow]{number}[/yellow]" if number else "0"
