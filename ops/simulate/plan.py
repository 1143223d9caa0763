"""The plan of a day: a pure function of its seed and the reference data. Nothing is sent here."""

import random

from ops.simulate.making import CannotPlan, Maker
from ops.simulate.prizes import handout
from ops.simulate.send import Plan
from ops.simulate.world import World

RIDERS, REPORTS = 240, 480
"""A sub-district and its day."""


def plan(seed: int, world: World, riders: int = RIDERS, reports: int = REPORTS, *, storm: bool = False) -> Plan:
    """`reports` that are kept and, on top, those that are refused. The same arguments are the same plan.

    Raises `CannotPlan`.
    """
    if riders < 2 or reports < 1:
        raise CannotPlan("a day needs two riders and one report")
    made = Maker(random.Random(seed), world, riders)  # noqa: S311 - a game
    sends = list(made.reports(reports, storm=storm))
    sends += made.refused(reports)
    ordered = sorted(sends, key=lambda send: (send.at, send.number))
    earners = (send.rider for send in ordered if send.earns)
    return Plan(riders, tuple(ordered), handout(world, earners))
