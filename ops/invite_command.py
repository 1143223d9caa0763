"""`qianshao invite`: lets somebody in, by intake's own entry point and with the environment of its api."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ops import output
from ops.installation import RUNNING, Installation
from ops.local import plan
from ops.local.state import REPOSITORY, State
from ops.look import CannotLook


def invite(
    role: Annotated[str, typer.Option(help="rider, staff, department, lead, operator, administrator")],
    name: Annotated[str, typer.Option(help="姓名; the same name and role again is the same account")],
    subdistrict: Annotated[str, typer.Option(help="9 digits, as in the reference data")],
    phone: Annotated[str | None, typer.Option(help="手机号")] = None,
    community: Annotated[list[str] | None, typer.Option(help="staff: where they act, as often as needed")] = None,
    department: Annotated[str | None, typer.Option(help="role department: its code")] = None,
    reference: Annotated[
        Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")
    ] = REPOSITORY / "deploy/reference/beidajie",
) -> None:
    """邀请 · A one-time login link and its QR code; run again, the older link is worth nothing."""
    words = ["--role", role, "--name", name, "--subdistrict", subdistrict]
    words += ["--phone", phone] if phone else []
    words += [word for one in community or [] for word in ("--community", one)]
    words += ["--department", department] if department else []
    try:
        environment = environment_of_intake(reference)
    except CannotLook as error:
        raise output.cannot(str(error)) from None
    command = [sys.executable, "-m", "services.intake", "invite", *words]
    raise typer.Exit(subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode)


def environment_of_intake(reference: Path) -> Mapping[str, str]:
    """What intake's api is told: in its own container that is there already, else as `./run` says it. Raises `CannotLook`."""
    if "QIANSHAO_SESSION_KEY" in os.environ:
        return dict(os.environ)
    root = Installation.known().root
    if root is None:
        raise CannotLook("QIANSHAO_SESSION_KEY: 请在 intake-api 的环境中运行 run it in intake-api's environment")
    return plan.environment("intake", plan.API, surroundings(root, reference))


def surroundings(root: Path, reference: Path) -> plan.Surroundings:
    """Of the embedded stack that runs in this folder. Raises `CannotLook`."""
    installation = Installation.embedded(root)
    ports: dict[str, int] = json.loads((root / RUNNING).read_text())["ports"]
    passwords: dict[str, str] = json.loads((root / "passwords.json").read_text())
    access = installation.access
    return plan.Surroundings(State.at(root), reference, access.kafka.bootstrap, access.databases, passwords, ports)
