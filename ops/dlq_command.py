"""`qianshao dlq ls|show|replay|drop`: dead letters of all services. Replay and drop only say what they would do until `--yes`."""

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from ops import dlq, output, settling
from ops.dlq import CannotSettle, Letter
from ops.installation import Installation, databases
from ops.output import Format, Output
from ops.settling import Audit, Decision
from shared.errors import Unavailable
from shared.ids import new_id

app = typer.Typer(
    no_args_is_help=True, help="死信 · Dead letters: look, try again, give up; every decision is recorded"
)

Id = Annotated[str, typer.Argument(help="topic/partition/offset, as `ls` shows it", metavar="ID")]
Service = Annotated[str | None, typer.Option(help="the service that gave it up, where several have the same letter")]
Reason = Annotated[str, typer.Option(help="why; is recorded")]
By = Annotated[str | None, typer.Option("--as", help="who decides; is recorded. Default: the login user")]
Yes = Annotated[bool, typer.Option("--yes", help="carry it out; without it only say what would happen")]


@app.command("ls")
def list_(
    service: Service = None,
    all_: Annotated[bool, typer.Option("--all", help="settled ones too")] = False,
    output_: Output = Format.TEXT,
) -> None:
    """列出 · Open dead letters of all services. Exit status 1 if there are any."""
    found = output.carry_out(lambda: _letters(service, None if all_ else "open"))
    if output_ is Format.JSON:
        typer.echo(output.as_json([_summary(letter) for letter in found]))
    else:
        Console(highlight=False).print(_table(found) if found else "没有死信 no dead letters")
    raise typer.Exit(output.WRONG if any(one.document["state"] == "open" for one in found) else output.FINE)


@app.command("show")
def show(id_: Id, service: Service = None, output_: Output = Format.TEXT) -> None:
    """查看一封 · One letter whole: headers, data (hex if it cannot be read), error, what waits behind it."""
    letter = output.carry_out(lambda: _letter(id_, service), CannotSettle)
    typer.echo(output.as_json(_whole(letter)) if output_ is Format.JSON else _told(letter))


@app.command("replay")
def replay(
    id_: Id, reason: Reason, service: Service = None, by: By = None, yes: Yes = False, output_: Output = Format.TEXT
) -> None:
    """重试 · Let the service try it again, and what waits behind it in order; nothing is sent to Kafka."""
    _settle(id_, service, "replay", reason, by, yes, output_)


@app.command("drop")
def drop(
    id_: Id, reason: Reason, service: Service = None, by: By = None, yes: Yes = False, output_: Output = Format.TEXT
) -> None:
    """丢弃 · Give it up for good; what waits behind it goes on."""
    _settle(id_, service, "drop", reason, by, yes, output_)


def _settle(
    id_: str, service: str | None, decision: Decision, reason: str, by: str | None, yes: bool, output_: Format
) -> None:
    if not reason.strip():
        raise typer.BadParameter("say why; it is recorded", param_hint="--reason")
    audit = Audit(new_id(), by or _login(), reason)
    effect, done = output.carry_out(lambda: _decide(id_, service, decision, audit, yes), CannotSettle, Unavailable)
    if output_ is Format.JSON:
        told = {"letter": id_, "decision": decision, "effect": effect, "dry_run": not yes, "done": done}
        typer.echo(output.as_json({**told, "action": audit.id if done else None}))
    elif not yes:
        typer.echo(f"{effect}\n仅试运行 dry run: nothing was changed; add --yes to carry it out")
    else:
        typer.echo(f"{effect}\n已记录 recorded as {audit.id}" if done else "未改动 not changed: somebody was quicker")
    raise typer.Exit(output.FINE if done or not yes else output.WRONG)


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        raise typer.BadParameter("say who decides; it is recorded", param_hint="--as") from None


async def _decide(id_: str, service: str | None, decision: Decision, audit: Audit, yes: bool) -> tuple[str, bool]:
    async with databases(Installation.known()) as opened:
        letter = await dlq.find(_chosen(opened, service), id_)
        effect = settling.possible(letter, decision)
        if not yes:
            return effect, False
        async with settling.lane_over(opened[letter.service]) as lane:
            return effect, await settling.settle(lane, letter, decision, audit)


async def _letters(service: str | None, state: str | None) -> list[Letter]:
    async with databases(Installation.known()) as opened:
        chosen = _chosen(opened, service).items()
        return [letter for name, database in chosen for letter in await dlq.letters(name, database, state=state)]


async def _letter(id_: str, service: str | None) -> Letter:
    async with databases(Installation.known()) as opened:
        return await dlq.find(_chosen(opened, service), id_)


def _chosen(opened: Mapping[str, Any], service: str | None) -> dict[str, Any]:
    if service is not None and service not in opened:
        raise typer.BadParameter(f"{service}: one of {', '.join(sorted(opened))}", param_hint="--service")
    return {name: database for name, database in opened.items() if service in (None, name)}


def _table(found: list[Letter]) -> Table:
    id_ = Column("编号 id", no_wrap=True)  # to be copied whole
    table = Table("服务 service", id_, "原因 error", "次数 tries", "首次 first", "扣键 holds", "状态 state", box=SIMPLE)
    for letter in found:
        document = letter.document
        holds = f"● +{letter.behind}" if letter.holds else ""
        error = f"{document['error_class']}: {document['error'][:60]}"
        first = f"{document['first_at']:%m-%d %H:%M:%S}"
        table.add_row(letter.service, letter.id, error, str(document["attempts"]), first, holds, document["state"])
    return table


def _summary(letter: Letter) -> dict[str, Any]:
    shown = ("state", "error_class", "error", "attempts", "first_at", "last_at")
    return {
        "service": letter.service,
        "id": letter.id,
        **{name: letter.document[name] for name in shown},
        "readable": letter.message is not None,
        "holds": letter.held_id if letter.holds else None,
        "behind": letter.behind,
    }


def _whole(letter: Letter) -> dict[str, Any]:
    delivery, message = letter.delivery, letter.message
    return {
        **_summary(letter),
        "unreadable": letter.unreadable,
        "key": delivery.key.decode("utf-8", "replace") if delivery.key else None,
        "headers": {name: content.decode("utf-8", "replace") for name, content in delivery.headers},
        "data": message.data.model_dump(mode="json", exclude_none=True) if message else None,
        "value_hex": None if message else delivery.value.hex(),
    }


def _told(letter: Letter) -> str:
    whole = _whole(letter)
    data, raw = whole.pop("data"), whole.pop("value_hex")
    headers = whole.pop("headers")
    lines = [f"{name:12} {value}" for name, value in whole.items() if value is not None]
    lines += ["headers", *(f"  {name:20} {value}" for name, value in headers.items())]
    lines += ["data", output.as_json(data)] if data else ["bytes (hex)", raw]
    return "\n".join(lines)
