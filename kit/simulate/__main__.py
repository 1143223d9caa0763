"""`python -m kit.simulate`: a department of a sandbox that takes on, mends, gives back and is silent, by shares and a seed.

    export KAFKA_BOOTSTRAP=… KAFKA_USERNAME=dept.municipal KAFKA_PASSWORD=… QIANSHAO_TOKEN=…
    python -m kit.simulate --accept-after 5..60 --done-after 60..600 --returns 0.1 --silent 0.05 --seed 7 \\
        --intake http://127.0.0.1:8080/intake

The login is that of the department's file (`qianshao departments add`), QIANSHAO_TOKEN its bearer token, for after-photos.
Never against an installation that real people report to: it says "done" of what nobody has mended.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from kit.simulate.behaviour import Behaviour, Range
from kit.simulate.desk import Desk
from kit.simulate.play import Evidence, play
from ops.simulate.people import NotLetIn
from ops.simulate.pictures import Picture
from ops.simulate.updates import evidence
from shared.clock import system_clock
from shared.contracts.topics import DEPARTMENT
from shared.settings import KafkaSettings


def main(arguments: list[str]) -> int:
    """Until interrupted. Returns the exit code: 2 if it cannot begin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept-after", default="5..60", help="seconds from an offer to its answer, 5 or 5..60")
    parser.add_argument("--done-after", default="60..600", help="seconds from there until it is done")
    parser.add_argument("--returns", type=float, default=0.0, help="share of the orders that are given back")
    parser.add_argument("--silent", type=float, default=0.0, help="share that is never answered")
    parser.add_argument("--seed", type=int, default=1, help="the same orders under the same seed fare the same")
    parser.add_argument("--intake", help="URL of intake up to /v1, for after-photos")
    parser.add_argument("--ca", type=Path, help="CA file of the brokers, if not the system's")
    given = parser.parse_args(arguments)
    try:
        waits = Range.parse(given.accept_after), Range.parse(given.done_after)
        behaviour = Behaviour(*waits, given.returns, given.silent, given.seed)
        login = login_of(os.environ, given.ca)
    except (ValueError, ValidationError) as error:
        parser.error(str(error))
    photos = photographer(given.intake, os.environ.get("QIANSHAO_TOKEN"), login.username, given.seed)
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(play(login, Desk(behaviour), photos, system_clock, lambda line: print(line, flush=True)))
        except NotLetIn as error:
            print(error, file=sys.stderr)
            return 2
    return 0


def login_of(environment: Mapping[str, str], ca: Path | None) -> KafkaSettings:
    """The department's. Raises `ValueError` naming what is missing, or for the login of somebody else."""
    wanted = {name: environment.get(f"KAFKA_{name.upper()}") for name in ("bootstrap", "username", "password")}
    missing = [f"KAFKA_{name.upper()}" for name, value in wanted.items() if not value]
    if missing:
        raise ValueError(f"{', '.join(missing)}: not set")
    if not str(wanted["username"]).startswith(DEPARTMENT):
        raise ValueError(f"KAFKA_USERNAME: {wanted['username']} is no department's login")
    security = environment.get("KAFKA_SECURITY", "SASL_SSL")
    return KafkaSettings.model_validate({**wanted, "security": security, "ca": ca})


def photographer(intake: str | None, token: str | None, who: str, seed: int) -> Evidence | None:
    """Takes an after-photo of its own for each order, None without intake or token."""
    if not intake or not token:
        return None

    async def take(order: str) -> str:
        return await evidence(intake, token, Picture(seed), order, who)

    return take


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
