"""Delivery: limits, urgent first, digests, dead endpoints, the night, what a crash leaves behind."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import cast

import pytest

from services.notify.domain.channel import Refused, Retry, Unknown
from services.notify.domain.delivery import MOST_TRIES, Line, State
from services.notify.domain.telling import Urgency
from shared.mongo.lease import Lease
from tests.support.memory import NOW
from tests.support.sending import Post, delivery
from tests.support.waiting import until

URGENT, LOW = Urgency.URGENT, Urgency.LOW


def most_in_a_minute(post: Post, robot: str = "r1") -> int:
    times = [at for at, _ in post.calls(robot)]
    return max(sum(start <= at < start + 60 for at in times) for start in times)


def states(post: Post) -> Counter[str]:
    return Counter(one.state.value for one in post.shelf.kept.values())


def arrive(post: Post, second: int, robot: str, number: int, urgency: Urgency) -> None:
    post.shelf.add(delivery(number, robot, urgency, NOW + timedelta(seconds=second)))


async def test_scenario_39_twenty_five_in_a_minute_urgent_first_and_single_the_rest_one_digest() -> None:
    post = Post()
    post.robots.dead = frozenset({"r2"})
    urgent = {5, 11, 12, 20, 24}
    for number in range(25):
        arrive(post, number * 2, "r1", number, URGENT if number in urgent else Urgency.NORMAL)
        arrive(post, number * 2, "r2", 100 + number, Urgency.NORMAL)
    await post.run(180)
    calls = post.calls()
    assert most_in_a_minute(post) <= 20
    assert post.robots.turned_away == 0
    singles = {parcel.key: at for at, parcel in calls if parcel.urgency == "urgent"}
    for number in urgent:
        assert singles[f"m{number:04d}|community:1|r1"] <= number * 2 + 1, "at once and alone"
    digests = [parcel for _, parcel in calls if parcel.template == "digest"]
    assert len(digests) == 1
    in_it = [one for one in post.shelf.kept.values() if one.parcel == digests[0].key]
    assert len(calls) == 25 - len(in_it) + 1, "whatever was not alone was in it"
    assert not any(one.urgent for one in in_it)
    assert all(one.public_code and one.public_code in digests[0].text for one in in_it)
    assert states(post)["sent"] == 25, "the dead robot delayed nobody"


async def test_urgent_goes_before_what_has_waited_longer() -> None:
    post = Post()
    post.shelf.add(*(delivery(n) for n in range(5)), delivery(9, urgency=URGENT))
    await post.sending.step()
    assert [parcel.urgency for _, parcel in post.calls()] == ["urgent", *["normal"] * 5]


async def test_a_storm_of_500_never_passes_a_limit_and_every_urgent_one_is_out_within_its_minute() -> None:
    post, dice = Post(), random.Random(39)
    for number in range(500):
        robot, urgency = f"r{dice.randrange(9)}", URGENT if dice.random() < 0.4 else Urgency.NORMAL
        arrive(post, dice.randrange(60), robot, number, urgency)
    await post.run(400)
    assert post.robots.turned_away == 0
    assert all(most_in_a_minute(post, f"r{n}") <= 20 for n in range(9))
    assert states(post) == {"sent": 500}
    waits = [one.ended - one.stored for one in post.shelf.kept.values() if one.urgent and one.ended]
    assert len(waits) > 150
    assert max(waits) <= timedelta(seconds=60)


async def test_more_urgent_ones_than_calls_share_calls_rather_than_wait() -> None:
    post = Post()
    post.shelf.add(*(delivery(n, urgency=URGENT) for n in range(60)))
    await post.run(60)
    assert states(post) == {"sent": 60}
    assert most_in_a_minute(post) <= 20
    assert any(parcel.template == "digest" for _, parcel in post.calls())


async def test_a_robot_that_is_dead_rests_and_is_tried_again_and_everything_arrives_once_it_is_back() -> None:
    post = Post()
    post.robots.dead = frozenset({"r1"})
    post.shelf.add(delivery(1, urgency=URGENT), delivery(2))
    await post.run(40)
    line = await post.shelf.line("r1")
    assert line.failures >= 3
    assert line.blocked_until is not None
    assert sum(one.tries for one in post.shelf.kept.values()) <= 8, "a line that rests is not hammered"
    post.robots.dead = frozenset()
    await post.run(700)
    assert states(post) == {"sent": 2}
    assert (await post.shelf.line("r1")).failures == 0


async def test_a_robot_that_hangs_delays_nobody_else() -> None:
    post = Post()
    post.robots.hanging = frozenset({"r1"})
    post.shelf.add(delivery(1, "r1"), delivery(2, "r2"), delivery(3, "r3"))
    running = asyncio.create_task(post.sending.run())
    await until(lambda: states(post)["sent"] == 2, 20.0)
    assert post.shelf.kept["m0001|community:1|r1"].state is State.SENDING
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_whoever_is_blocked_waits_as_long_as_the_other_side_says_and_it_counts_as_no_try() -> None:
    post = Post()
    post.robots.answers["r1"] = [Retry("too_many", 600.0)]
    post.shelf.add(delivery(1, urgency=URGENT))
    await post.run(599)
    assert not post.calls()
    await post.run(5)
    assert [at for at, _ in post.calls()] == [600.0]
    assert post.shelf.kept["m0001|community:1|r1"].tries == 1


async def test_retries_come_later_each_time_and_end() -> None:
    post = Post()
    post.robots.dead = frozenset({"r1"})
    post.shelf.add(delivery(1))
    await post.run(3 * 3600)
    (one,) = post.shelf.kept.values()
    assert (one.state, one.code, one.tries) == (State.FAILED, "gave_up_unreachable", MOST_TRIES)
    times = [attempt.at for attempt in one.attempts]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[-1] <= 1000


async def test_an_answer_that_never_came_urgent_is_sent_again_and_the_rest_is_uncertain() -> None:
    post = Post()
    post.robots.answers["r1"] = [Unknown("timeout"), Unknown("timeout")]
    post.shelf.add(delivery(1, urgency=URGENT), delivery(2))
    await post.run(30)
    urgent, normal = (post.shelf.kept[f"m000{n}|community:1|r1"] for n in (1, 2))
    assert (urgent.state, urgent.tries) == (State.SENT, 2)
    assert (normal.state, normal.code) == (State.UNCERTAIN, "timeout")


async def test_what_is_refused_is_not_sent_again() -> None:
    post = Post()
    post.robots.answers["r1"] = [Refused("signature")]
    post.shelf.add(delivery(1))
    await post.run(60)
    (one,) = post.shelf.kept.values()
    assert (one.state, one.code, one.tries, post.calls()) == (State.FAILED, "signature", 1, [])


async def test_a_successor_keeps_to_the_minute_of_its_predecessor_and_decides_about_what_it_had_under_way() -> None:
    post = Post()
    post.shelf.add(*(delivery(n, urgency=URGENT) for n in range(16)))
    await post.sending.step()
    for number, urgency in ((20, URGENT), (21, Urgency.NORMAL)):
        post.shelf.add(replace(delivery(number, urgency=urgency), state=State.SENDING, parcel="p"))
    post.restart()
    await post.sending.recover()
    assert post.shelf.kept["m0020|community:1|r1"].state is State.WAITING
    lost = post.shelf.kept["m0021|community:1|r1"]
    assert (lost.state, lost.code) == (State.UNCERTAIN, "crash")
    post.shelf.add(*(delivery(n, urgency=URGENT) for n in range(30, 50)))
    await post.run(120)
    assert post.robots.turned_away == 0
    assert most_in_a_minute(post) <= 20


async def test_nothing_but_danger_wakes_anybody_at_night() -> None:
    post = Post()
    post.quiet_until = NOW + timedelta(hours=9)
    post.shelf.add(delivery(1), delivery(2, urgency=URGENT))
    await post.run(60)
    assert [parcel.urgency for _, parcel in post.calls()] == ["urgent"]
    post.quiet_until = None
    post.clock.now = NOW + timedelta(hours=9)
    await post.sending.step()
    assert states(post) == {"sent": 2}


async def test_a_late_reminder_of_a_finished_case_is_dropped_with_a_code() -> None:
    post = Post()
    post.shelf.over = {"inc-1"}
    post.shelf.add(delivery(1), replace(delivery(2), incident="inc-1", template="fixed_for_staff"))
    await post.sending.step()
    dropped, told = (post.shelf.kept[f"m000{n}|community:1|r1"] for n in (1, 2))
    assert (dropped.state, dropped.code) == (State.SKIPPED, "finished")
    assert told.state is State.SENT


async def test_what_nobody_could_send_for_a_day_is_not_sent_and_an_endpoint_that_is_gone_skips() -> None:
    post = Post()
    post.doors.gone = frozenset({"r2"})
    day = NOW - timedelta(hours=25)
    post.shelf.add(delivery(1, at=day), delivery(2, urgency=URGENT, at=day), delivery(3, "r2"))
    await post.sending.step()
    assert not post.robots.got
    ends = {one.message: (one.state.value, one.code) for one in post.shelf.kept.values()}
    assert ends == {"m0001": ("skipped", "too_old"), "m0002": ("failed", "too_old"), "m0003": ("skipped", "no_address")}


async def test_low_ones_travel_together() -> None:
    post = Post()
    post.shelf.add(*(delivery(n, urgency=LOW) for n in range(4)))
    await post.sending.step()
    assert len(post.calls()) == 1
    assert states(post) == {"sent": 4}


async def test_whoever_has_lost_the_lease_sends_nothing() -> None:
    class Lost:
        def safe(self) -> bool:
            return False

    post = Post()
    post.sending._lease = cast(Lease, Lost())
    post.shelf.add(delivery(1, urgency=URGENT))
    assert await post.sending.step() == 0
    assert not post.robots.got


@pytest.mark.parametrize("calls", [0, 10, 16, 20])
async def test_every_message_ends(calls: int) -> None:
    """However full the minute is when they come."""
    post = Post()
    post.shelf.known["r1"] = Line("r1", tuple(NOW - timedelta(seconds=1) for _ in range(calls)))
    kinds = (URGENT, Urgency.NORMAL, LOW)
    post.shelf.add(*(delivery(n, urgency=kinds[n % 3]) for n in range(60)))
    await post.run(600)
    assert states(post) == {"sent": 60}
