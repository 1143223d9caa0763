"""`qianshao`, the operators' program. `./run` calls `python -m ops.main up`."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import (
    departments_command,
    dlq_command,
    doctor_command,
    down_command,
    invite_command,
    notify_command,
    people,
    people_command,
    points_command,
    simulate_command,
    status_command,
    story,
    tail_command,
    topics_command,
    trace_command,
)
from ops.check import command as check_command
from ops.local.state import REPOSITORY, State, state_folder
from ops.local.up import Running, Say, running
from ops.reference import command as reference_command
from shared.clock import system_clock

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would show local variables, passwords among them
    help="前哨 Qianshao: the operators' program",
)
app.command()(down_command.down)
app.command()(status_command.status)
app.command()(doctor_command.doctor)
app.command()(tail_command.tail)
app.add_typer(topics_command.app, name="topics")
app.add_typer(departments_command.app, name="departments")
app.add_typer(dlq_command.app, name="dlq")
app.add_typer(reference_command.app, name="reference")
app.command()(check_command.check)
app.command()(trace_command.trace)
app.command()(invite_command.invite)
app.add_typer(people_command.app, name="people")
app.add_typer(points_command.app, name="points")
app.command()(simulate_command.simulate)
app.add_typer(notify_command.app, name="notify")

_REFERENCE = REPOSITORY / "deploy/reference/beidajie"

ReferenceFolder = Annotated[Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")]


@app.command()
def up(
    once: Annotated[bool, typer.Option("--once", help="play the story, stop, exit 0 or 1")] = False,
    reference: ReferenceFolder = _REFERENCE,
) -> None:
    """本机启动全部服务 · Start brokers and services on this machine and play the story; Ctrl-C stops them."""
    console = Console(highlight=False)
    folder = State.at(state_folder())
    try:
        folder.lock()
        asyncio.run(_up(folder, reference, once, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(130 if once else 0) from None
    except Exception as error:  # noqa: BLE001 - whatever it was, people get its reason and not a traceback
        for cause in _causes(error):
            console.print(f"[red]失败 failed[/red] {escape(str(cause) or repr(cause))}", soft_wrap=True)
        raise typer.Exit(1) from None


async def _up(state: State, reference: Path, once: bool, console: Console) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    def say(text: str, seconds: float | None) -> None:
        line = f"{seconds:6.1f} s  {escape(text)}" if seconds is not None else f"          {escape(text)}"
        console.print(line, soft_wrap=True)

    began = asyncio.get_running_loop().time()
    async with running(state, reference, system_clock(), say) as house:
        say("全部就绪 all ready", asyncio.get_running_loop().time() - began)
        await story.play(house, say)
        if not once:
            links = await _people(house, reference / people.ROSTER, say)
            _welcome(house, state, console)
            for kind, link in links.items():
                console.print(f"一次性登录 one-time login {kind:14} {link}", soft_wrap=True)
            await asyncio.Event().wait()


async def _people(house: Running, roster: Path, say: Say) -> dict[str, str]:
    """The sample people with a link for one of each kind; none where the reference data has no roster."""
    if not await asyncio.to_thread(roster.exists):
        return {}
    taken, links = await people.settle(house.front, house.tokens["administrator"], roster)
    counts = " ".join(f"{what} {taken[what]}" for what in ("created", "changed", "unchanged", "left"))
    say(f"示例人员名单 sample roster: {counts}", None)
    return links


def _causes(error: Exception) -> list[Exception]:
    """What really happened, out of however many task groups."""
    if isinstance(error, ExceptionGroup):
        return [cause for part in error.exceptions for cause in _causes(part)]
    return [error]


def _welcome(house: Running, state: State, console: Console) -> None:
    table = Table(
        "登录 demo login", "令牌 bearer token (30 d)", title=f"前门 front door  {house.front}", title_justify="left"
    )
    for login, token in house.tokens.items():
        table.add_row(login, f"{token[:24]}…")
    console.print(table)
    console.print(f"令牌与密码 tokens, passwords  {state.root / 'running.json'}")
    console.print(f"日志 logs  {state.logs}     [bold]Ctrl-C[/bold] 停止 stops")


if __name__ == "__main__":
    app(prog_name="qianshao")
