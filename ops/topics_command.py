"""`qianshao topics plan|apply|diff`: the one place from which topics, users and rights of a broker are changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ops import topics
from ops.local import kafka
from ops.local.state import REPOSITORY, state_folder
from ops.output import FINE, WRONG, Format, Output, as_json
from shared.contracts.topics import all_topics
from shared.kafka.admin import Diff, Wanted, plan, settings_of, strangers
from shared.reference.load import load
from shared.settings import KafkaSettings

app = typer.Typer(no_args_is_help=True, help="主题、用户与权限 · Topics, users and rights of the broker")

Reference = Annotated[Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")]
Passwords = Annotated[Path | None, typer.Option(help="JSON file: password by user; needed for users to be made")]
Replication = Annotated[int, typer.Option(min=1, help="replicas of each topic")]
MinInsync = Annotated[int, typer.Option(min=1, help="replicas that must have a message before it counts as sent")]
Local = Annotated[bool, typer.Option("--local", help="the embedded broker of ./run, which must be running: 1 replica")]
Rotate = Annotated[list[str] | None, typer.Option(help="user whose password in the file is new; repeatable")]

_REFERENCE = REPOSITORY / "deploy/reference/beidajie"


@dataclass(frozen=True, slots=True)
class _Target:
    login: Mapping[str, str]
    passwords: Mapping[str, str]
    wanted: Wanted


@app.command("plan")
def show(
    reference: Reference = _REFERENCE, replication: Replication = 3, min_insync: MinInsync = 2, local: Local = False
) -> None:
    """只看差异 · Show what `apply` would do. Exit status 2 if there is anything."""
    target = _target(reference, None, replication, min_insync, local)
    try:
        diff = plan(topics.read(topics.connect(target.login)), target.wanted)
    except topics.BrokerAway as error:
        raise _failed(error) from None
    _print(_lines(diff, target.wanted))
    raise typer.Exit(2 if diff else 0)


@app.command("diff")
def differ(
    reference: Reference = _REFERENCE,
    replication: Replication = 3,
    min_insync: MinInsync = 2,
    local: Local = False,
    output: Output = Format.TEXT,
) -> None:
    """逐项对照 · `plan`, and what stands on the broker undeclared, which `apply` leaves alone. Exit status 1 if anything."""
    target = _target(reference, None, replication, min_insync, local)
    try:
        current = topics.read(topics.connect(target.login))
    except topics.BrokerAway as error:
        raise _failed(error) from None
    found_topics, found_users = strangers(current, target.wanted)
    lines = [
        *_lines(plan(current, target.wanted), target.wanted),
        *(f"? topic  {name}" for name in found_topics),
        *(f"? user   {name}" for name in found_users if name != target.login["sasl.username"]),
    ]
    if output is Format.JSON:
        typer.echo(as_json(lines))
    else:
        _print(lines)
    raise typer.Exit(WRONG if lines else FINE)


@app.command("apply")
def apply(
    reference: Reference = _REFERENCE,
    passwords: Passwords = None,
    replication: Replication = 3,
    min_insync: MinInsync = 2,
    rotate: Rotate = None,
    local: Local = False,
) -> None:
    """执行差异 · Create, configure and grant what is missing; never deletes a topic or changes its partitions."""
    target = _target(reference, passwords, replication, min_insync, local)
    try:
        admin = topics.connect(target.login, seconds=120)
        done = topics.reconcile(admin, target.wanted, target.passwords, rotate=rotate or (), seconds=120)
        topics.warm_up(admin)
    except (topics.BrokerAway, topics.Conflicted) as error:
        raise _failed(error) from None
    except KeyError as error:
        raise typer.BadParameter(f"no password for user {error}", param_hint="--passwords") from None
    _print(_lines(done, target.wanted))


def _failed(error: Exception) -> typer.Exit:
    Console(stderr=True, highlight=False).print(str(error), markup=False, soft_wrap=True)
    return typer.Exit(1)


def _target(reference: Path, passwords: Path | None, replication: int, min_insync: int, local: bool) -> _Target:
    """The broker that `QIANSHAO_KAFKA_…` names, logged in as one of its super users, or the embedded one."""
    declared = all_topics(load(reference).departments)
    if local:
        root = state_folder()
        known = json.loads((root / "passwords.json").read_text())
        bootstrap = f"127.0.0.1:{json.loads((root / 'ports.json').read_text())[kafka.PORTS[0]]}"
        login = topics.credentials(bootstrap, kafka.SUPERUSER, known[kafka.SUPERUSER])
        return _Target(login, known, Wanted.of(declared, 1, 1))
    settings = KafkaSettings()
    login = topics.credentials(
        settings.bootstrap,
        settings.username,
        settings.password.get_secret_value(),
        security=settings.security,
        ca=str(settings.ca) if settings.ca else None,
    )
    known = json.loads(passwords.read_text()) if passwords else {}
    return _Target(login, known, Wanted.of(declared, replication, min_insync))


def _lines(diff: Diff, wanted: Wanted) -> list[str]:
    return [
        *(f"+ topic  {t.name}  {t.partitions} partitions  {settings_of(t, wanted.min_insync)}" for t in diff.create),
        *(f"~ topic  {name}  {dict(values)}" for name, values in diff.configure.items()),
        *(f"+ user   {user}" for user in diff.users),
        *(f"+ right  {' '.join(acl)}" for acl in diff.grant),
        *(f"- right  {' '.join(acl)}" for acl in diff.revoke),
        *(f"! {sentence}" for sentence in diff.conflicts),
    ]


def _print(lines: list[str]) -> None:
    console = Console(highlight=False)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"{len(lines)} 处差异 differences" if lines else "无差异 nothing to do")
