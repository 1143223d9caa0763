"""`qianshao departments add`: everything that a department of the reference data needs to be told its orders."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from ops import departments, output, processes
from ops.departments import CannotAdd
from ops.doctor.transport import differences
from ops.installation import Installation
from ops.local.outside import StillRunning
from ops.local.state import REPOSITORY
from ops.output import Format, Output
from shared.clock import system_clock
from shared.contracts.topics import DEPARTMENT
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load

app = typer.Typer(no_args_is_help=True, help="部门 · Departments")

_PASSWORDS = "passwords.json"


@dataclass(frozen=True, slots=True)
class Added:
    """`done` is empty when topics, user and rights were there already; `to_restart`: lines to type, one of them."""

    user: str
    done: list[str]
    client: str
    restarted: list[str]
    to_restart: list[str]


@app.callback()
def _group() -> None:
    """With one command typer would leave its name out."""


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(help="as in departments.yaml, or community-<12 digits>")],
    reference: Annotated[
        Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data, the new department in it")
    ] = REPOSITORY / "deploy/reference/beidajie",
    passwords: Annotated[
        Path | None, typer.Option(help="JSON file, password by Kafka user; default: that of the embedded stack")
    ] = None,
    client: Annotated[
        Path | None, typer.Option(help="where the client's file goes; default: departments/CODE.env, ./CODE.env")
    ] = None,
    replication: Annotated[int, typer.Option(min=1, help="replicas of each topic; the embedded broker has 1")] = 3,
    output_: Output = Format.TEXT,
) -> None:
    """新增部门 · Topics, user, password, rights, client file; restarts what has to know of it. Safe to repeat."""

    async def work() -> Added:
        installation = Installation.known()
        return await _add(installation, code, reference, passwords, client, 1 if installation.root else replication)

    added = output.carry_out(work, CannotAdd, StillRunning, ReferenceInvalid, OSError)
    if output_ is Format.JSON:
        typer.echo(output.as_json(asdict(added)))
        return
    for line in _lines(added):
        typer.echo(line)


async def _add(
    installation: Installation, code: str, folder: Path, passwords: Path | None, client: Path | None, replication: int
) -> Added:
    reference, root = load(folder), installation.root
    departments.check(code, reference, folder)
    if root:
        departments.check_running(root, folder)
    file = passwords or (root / _PASSWORDS if root else None)
    if file is None or installation.superuser is None:
        raise CannotAdd("--passwords, QIANSHAO_OPS_SUPERUSER_PASSWORD: 需要 needed where the stack is not embedded")
    known = departments.passwords(code, file)
    done = await asyncio.to_thread(departments.declare, installation.superuser, reference, known, replication)
    target, secret = client or departments.default_client(code, root), known[DEPARTMENT + code]
    departments.write_client(code, secret, installation.superuser, target)
    seen = await processes.ask_all(installation.processes, system_clock)
    names = departments.outdated(seen, reference.version)
    if root:
        departments.tell_running(root, code, secret)
        await departments.restart(root, names, installation.processes, system_clock)
    by_hand = [] if root else departments.by_hand(names)
    return Added(DEPARTMENT + code, differences(done), str(target), names if root else [], by_hand)


def _lines(added: Added) -> list[str]:
    return [
        *(
            [f"已补 made: {one}" for one in added.done]
            or ["主题、用户与权限已齐 topics, user and rights were there already"]
        ),
        f"客户端配置 client file (600): {added.client}  →  source it, then kit/by_hand.py listen",
        *(f"已重启 restarted: {name}" for name in added.restarted),
        *(f"请重启 restart: {line}" for line in added.to_restart),
    ]
