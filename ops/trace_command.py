"""`qianshao trace`: one incident on one timeline."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import output
from ops.look import Access, looking
from ops.output import Format, Output
from ops.trace import Station, Trace, UnknownIncident
from ops.trace import trace as follow


def trace(
    incident: Annotated[str, typer.Argument(help="its id or its public code, such as 7K3M-9QXA")],
    output_: Output = Format.TEXT,
) -> None:
    """追踪一个事件 · One incident's way through services, topics, ledger and inboxes, on one timeline."""
    found = output.carry_out(lambda: _follow(incident), UnknownIncident)
    if output_ is Format.JSON:
        typer.echo(output.as_json(_plain(found)))
    else:
        show(found, Console(highlight=False))
    raise typer.Exit(output.FINE)


async def _follow(incident: str) -> Trace:
    async with looking(Access.known()) as look:
        return await follow(look, incident)


def _plain(found: Trace) -> dict[str, object]:
    stations = [{"seconds": _seconds(found, station), **asdict(station)} for station in found.stations]
    return {"incident": found.incident, "code": found.code, "stations": stations}


def show(found: Trace, console: Console) -> None:
    """For people: seconds since the first station, then who did what."""
    console.print(f"事件 incident  {found.code} ({found.incident})  {found.stations[0].at:%Y-%m-%d %H:%M:%S} UTC")
    table = Table("秒 s", "服务 service", "经过 what", "发出 sent", "谁 actor", "关联 correlation", box=SIMPLE)
    for station in found.stations:
        told = (station.service, station.what, _sent(station), station.actor, _short(station.correlation))
        table.add_row(f"{_seconds(found, station):.3f}", *map(escape, told))
    console.print(table)


def _sent(station: Station) -> str:
    """Where an event stands, how long it took to get there, and how long until each consumer had it."""
    after = "" if station.delay is None else f" +{station.delay:.3f} s"
    taken = ", ".join(f"{service} {seconds:.3f} s" for service, seconds in sorted(station.taken.items()))
    return f"{station.place or ''}{after}{' -> ' if taken else ''}{taken}"


def _short(correlation: str | None) -> str:
    """Its end tells stories apart; JSON has it whole."""
    return f"…{correlation[-8:]}" if correlation else ""


def _seconds(found: Trace, station: Station) -> float:
    return round((station.at - found.stations[0].at).total_seconds(), 3)
