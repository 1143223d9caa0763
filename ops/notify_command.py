"""`qianshao notify ls|try`: the ways out of notify, and whether one works."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.table import Table

from ops import output, robots
from ops.local.state import REPOSITORY
from ops.output import Format, Output
from ops.robots import ADVICE, CannotTry, Listed
from services.notify.channels.opening import ChannelSettings
from services.notify.domain.channel import Outcome, Refused, Retry, Sent
from shared.clock import system_clock
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load

app = typer.Typer(no_args_is_help=True, help="通知渠道 · The ways out of notify: robots, mail, SMS, webhooks")

Reference = Annotated[Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")]
_REFERENCE = REPOSITORY / "deploy/reference/beidajie"


class Surroundings(BaseSettings):
    """As notify's own worker has it."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_", frozen=True, extra="ignore")

    environment: Literal["development", "production"] = "production"


@app.command("ls")
def ls(reference: Reference = _REFERENCE, output_: Output = Format.TEXT) -> None:
    """列出机器人 · The robots of the reference data and what each lacks. Exit status 1 if one lacks something."""

    async def work() -> list[Listed]:
        return robots.listed(load(reference), _settings())

    found = output.carry_out(work, ReferenceInvalid, ValueError)
    if output_ is Format.JSON:
        typer.echo(output.as_json([asdict(one) for one in found]))
    else:
        Console(highlight=False).print(_table(found) if found else "没有机器人 no robots: docs/channels.md")
    raise typer.Exit(output.WRONG if any(one.missing for one in found) else output.FINE)


@app.command("try")
def try_(
    name: Annotated[str, typer.Argument(help="code of a robot, smtp:<address> or sms:<number>", metavar="ENDPOINT")],
    template: Annotated[str, typer.Option(help="for SMS: which of QIANSHAO_NOTIFY_SMS_TEMPLATES")] = "danger",
    reference: Reference = _REFERENCE,
    output_: Output = Format.TEXT,
) -> None:
    """试发一条 · Send one test message for real and say what the other side answered. Exit status 1 if it did not take it.

    Reads the same QIANSHAO_NOTIFY_… variables as notify's worker."""

    async def work() -> Outcome:
        endpoint = robots.endpoint(load(reference), name)
        development = Surroundings().environment == "development"
        return await robots.attempt(_settings(), endpoint, template, system_clock, development=development)

    outcome = output.carry_out(work, CannotTry, ReferenceInvalid, ValueError)
    told = _told(outcome)
    if output_ is Format.JSON:
        typer.echo(output.as_json({"endpoint": name, **told}))
    else:
        typer.echo(f"{_WORDS[told['outcome']]}  {told['code']}  {told['advice']}".rstrip())
    raise typer.Exit(output.FINE if isinstance(outcome, Sent) else output.WRONG)


_WORDS = {
    "sent": "已送达平台 taken",
    "retry": "暂未送达 not taken, may be later",
    "refused": "被拒绝 refused",
    "unknown": "结果不明 unknown",
}


def _told(outcome: Outcome) -> dict[str, str]:
    kinds = {Sent: "sent", Retry: "retry", Refused: "refused"}
    advice = (
        () if isinstance(outcome, Sent) else ADVICE.get(outcome.code, ("见 docs/channels.md", "see docs/channels.md"))
    )
    return {"outcome": kinds.get(type(outcome), "unknown"), "code": outcome.code, "advice": " · ".join(advice)}


def _settings() -> ChannelSettings:
    """Raises `ValueError` naming the variable, without what it holds."""
    try:
        return ChannelSettings()
    except ValidationError as error:
        wrong = "; ".join(f"{line['loc'][0]}: {line['msg']}" for line in error.errors(include_input=False))
        raise ValueError(f"QIANSHAO_NOTIFY_…: {wrong}") from None


def _table(found: list[Listed]) -> Table:
    table = Table("机器人 robot", "渠道 channel", "受众 audience", "缺 lacks")
    for one in found:
        table.add_row(one.code, one.channel, one.audience, one.missing or "—")
    return table
