"""`qianshao down`: ends the stack that `./run` keeps in another terminal."""

from typing import Annotated

import typer
from rich.console import Console

from ops import output
from ops.local.outside import StillRunning, end, keeper
from ops.local.state import state_folder
from ops.output import Format, Output

SECONDS = 90.0
"""Services end within 25 s and brokers within 20 s after them; the rest is for a busy machine."""


def down(
    seconds: Annotated[float, typer.Option(min=1.0, help="how long to wait")] = SECONDS, output_: Output = Format.TEXT
) -> None:
    """停止本机服务 · Stop what `./run` runs in another terminal on the same state folder, and wait until it has ended."""
    root = state_folder()
    pid = keeper(root)
    if pid is not None:
        try:
            end(pid, lambda: keeper(root) != pid, seconds)
        except StillRunning as error:
            raise output.cannot(str(error)) from None
    if output_ is Format.JSON:
        typer.echo(output.as_json({"state": str(root), "stopped": pid}))
    else:
        text = f"已停止 stopped {pid}" if pid else "没有在运行 nothing runs"
        Console(highlight=False).print(f"{text}: {root}", markup=False, soft_wrap=True)
