"""`qianshao simulate`: a day of a sub-district on the embedded stack, in minutes."""

import asyncio
import json
import random
import string
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ops import output
from ops.installation import RUNNING, Installation
from ops.local.state import REPOSITORY
from ops.look import CannotLook, looking
from ops.output import Format, Output
from ops.simulate.doors import Doors, Until
from ops.simulate.making import CannotPlan
from ops.simulate.people import NotLetIn
from ops.simulate.phone import Unplayable
from ops.simulate.plan import REPORTS, RIDERS, plan
from ops.simulate.run import Outcome, run_day
from ops.simulate.send import Plan
from ops.simulate.showing import show, show_expected
from ops.simulate.totals import expected
from ops.simulate.world import PLAYED, World
from shared.clock import system_clock
from shared.reference.load import load
from shared.settings import KafkaSettings

SPEED = 300.0
"""A day between six and eleven in the evening in three and a half minutes."""


def simulate(
    seed: Annotated[int, typer.Option(help="同一种子同一天 the same seed is the same day")] = 1,
    riders: Annotated[int, typer.Option(min=2, max=1_900, help="骑手人数")] = RIDERS,
    reports: Annotated[
        int, typer.Option(min=1, max=20_000, help="上报数 that are kept; refused ones come on top")
    ] = REPORTS,
    speed: Annotated[
        float, typer.Option(min=1.0, help="发送加速 sending only; no clock of the installation is changed")
    ] = SPEED,
    storm: Annotated[bool, typer.Option("--storm", help="一场暴雨 two in five reports within one hour")] = False,
    reference: Annotated[
        Path, typer.Option(envvar="QIANSHAO_REFERENCE", help="folder of the reference data")
    ] = REPOSITORY / "deploy/reference/beidajie",
    output_: Output = Format.TEXT,
) -> None:
    """模拟一天 · A seeded day through the front door of `./run`; exit status 1: a total differs, or a rule is violated."""
    console = Console(highlight=False, stderr=output_ is Format.JSON)
    try:
        installation = _embedded()
        data = load(reference)
        lasts = timedelta(days=1) / speed + PLAYED
        world = World(data, min(data.subdistricts), system_clock(), lasts=lasts)
        day = plan(seed, world, riders, reports, storm=storm)
    except (CannotLook, CannotPlan) as error:
        raise output.cannot(str(error)) from None
    show_expected(expected(day), console)
    began = system_clock()
    outcome = output.carry_out(lambda: _play(day, world, installation, speed, console), NotLetIn, Unplayable)
    seconds = (system_clock() - began).total_seconds()
    if output_ is Format.JSON:
        typer.echo(output.as_json(_plain(outcome, seconds)))
    else:
        show(outcome, seconds, console)
    raise typer.Exit(output.FINE if outcome.fine else output.WRONG)


def _embedded() -> Installation:
    """Raises `CannotLook`: invented hazards would send real crews out, so no other installation is played on."""
    installation = Installation.known()
    if installation.root is None:
        raise CannotLook("QIANSHAO_OPS_MONGO_URI: 只在本机演示环境中模拟 only the embedded stack is played on → ./run")
    return installation


async def _play(day: Plan, world: World, installation: Installation, speed: float, console: Console) -> Outcome:
    run = "".join(random.SystemRandom().choices(string.ascii_lowercase, k=8))
    doors = doors_of(installation)
    until = compressed(day.sends[0].at, speed, system_clock)

    def note(text: str) -> None:
        console.print(f"{system_clock():%H:%M:%S}  {text}", soft_wrap=True)

    async with looking(installation.access) as look:
        return await run_day(day, world, doors, look, run, until, system_clock, note)


def doors_of(installation: Installation) -> Doors:
    """The front door and the logins of an embedded stack."""
    assert installation.root is not None
    known: dict[str, Any] = json.loads((installation.root / RUNNING).read_text())
    users = {user: password for user, password in known["kafka_passwords"].items() if user.startswith("dept.")}
    kafka = {
        user.removeprefix("dept."): KafkaSettings.model_validate(
            {"bootstrap": known["bootstrap"], "username": user, "password": password, "security": "SASL_PLAINTEXT"}
        )
        for user, password in users.items()
    }
    tokens, front = known["tokens"], known["front"]
    intake, dispatch, points = (f"{front}/{service}" for service in ("intake", "dispatch", "points"))
    return Doors(intake, dispatch, points, tokens["administrator"], tokens["staff"], kafka)


def compressed(first: timedelta, speed: float, clock: Callable[[], datetime]) -> Until:
    """Waits as if the day, which begins now with its `first` moment, went by `speed` times faster."""
    began = clock()

    async def until(at: timedelta) -> None:
        left = (at - first) / speed - (clock() - began)
        await asyncio.sleep(max(0.0, left.total_seconds()))

    return until


def _plain(outcome: Outcome, seconds: float) -> dict[str, Any]:
    lines = [{**asdict(line), "equal": line.equal} for line in outcome.lines]
    rules = [{"clean": finding.clean, **asdict(finding)} for finding in outcome.check.findings]
    return {"fine": outcome.fine, "seconds": seconds, "lines": lines, "check": rules}
