"""One played day from the first login to the last total."""

from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.check.command import Report, examine
from ops.look import Look
from ops.simulate import counter, crews, desk, people, seen
from ops.simulate.doors import Doors, Note, Until
from ops.simulate.joined import Joined
from ops.simulate.phone import Played
from ops.simulate.player import Player
from ops.simulate.send import Plan
from ops.simulate.totals import Line, all_equal, compare, expected
from ops.simulate.world import World
from shared.clock import Clock

MEND_SECONDS = 180.0
"""How long the last incident may take after the last report."""

_CHECK_SECONDS = 60.0
_EARLIER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The account of the day, and what the nine rules say of its incidents."""

    lines: tuple[Line, ...]
    check: Report

    @property
    def fine(self) -> bool:
        return all_equal(self.lines) and self.check.clean


async def run_day(
    plan: Plan, world: World, doors: Doors, look: Look, run: str, until: Until, clock: Clock, note: Note
) -> Outcome:
    """Let people in, play, wait until all is mended, hand prizes out, add up. `run`: letters that tell this time from any other.

    Raises `NotLetIn`, `Unplayable`, `CannotLook`.
    """
    began: datetime = clock() - _EARLIER
    departments = {code for send in plan.kept for code in send.departments}
    note(f"骑手 {plan.riders} 人、部门 {len(departments)} 个登录 riders and departments log in")
    let_in = await people.let_in(doors, plan.riders, departments)
    ways = {send.number: send.crew for send in plan.kept}
    async with AsyncExitStack() as stack:
        played = Played()
        joined = Joined(doors, let_in, played, plan.joined)
        at_work = await stack.enter_async_context(crews.working(doors, let_in, run, ways, began, joined.heard))
        belong = {send.number: send.departments for send in plan.kept}
        await stack.enter_async_context(desk.attended(doors, run, belong))
        note(f"发送 {len(plan.sends)} 次上报 sending")
        await Player(doors, let_in, run, until).play(plan, played)
        note("等待处置 waiting until all is mended")
        views = await seen.wait_until_mended(doors, let_in, plan, played, MEND_SECONDS, note)
        found = Counter(await seen.totals(doors, world, look, run, played, views, at_work))
        if plan.handout:
            note(f"领取奖品 {plan.handout.wishes} 件 prizes are reserved and picked up")
            found.update(await counter.hand_out(doors, let_in, run, plan.handout))
    checked = await examine(look, sorted(set(played.incidents.values())), clock, _CHECK_SECONDS)
    return Outcome(tuple(compare(expected(plan), found)), checked)
