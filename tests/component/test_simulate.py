"""A small simulated day on the real house: what was planned is what the installation says afterwards, line by line."""

from datetime import timedelta

import pytest

from ops.simulate.doors import Doors
from ops.simulate.plan import plan
from ops.simulate.run import run_day
from ops.simulate.world import World
from shared.clock import system_clock
from shared.reference.load import load
from tests.support.checking import behind_the_scenes
from tests.support.house import SUBDISTRICT, House

RIDERS, REPORTS = 20, 40


def doors(house: House) -> Doors:
    """The apis themselves: the session's house has no front door."""
    kafka = house.stack.kafka
    codes = load(house.around.reference).departments
    logins = {code: kafka.settings(f"dept.{code}") for code in codes}
    tokens = (house.token("administrator"), house.token("staff"))
    return Doors(house.url("intake"), house.url("dispatch"), house.url("points"), *tokens, logins)


async def at_once(_: timedelta) -> None:
    """The whole day at one moment; only the number of phones at once slows it."""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_simulated_day_ends_with_all_totals_equal(house: House) -> None:
    world = World(load(house.around.reference), SUBDISTRICT, system_clock())
    day = plan(6, world, RIDERS, REPORTS, storm=True)
    async with behind_the_scenes(house) as look:
        outcome = await run_day(day, world, doors(house), look, "testingx", at_once, system_clock, lambda _: None)
    assert [line for line in outcome.lines if not line.equal] == []
    assert [finding for finding in outcome.check.findings if not finding.clean] == []
    assert {line.name for line in outcome.lines} >= {"reports", "resolved", "points", "replays", "refused:forbidden"}
    assert {line.name: line.seen for line in outcome.lines if "prizes" in line.name} == {
        "prizes_reserved": 6,
        "prizes_picked_up": 5,
        "prizes_cancelled": 1,
    }
    assert outcome.fine
