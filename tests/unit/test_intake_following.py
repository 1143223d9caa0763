"""Intake's copy of what dispatch and points say: newest wins, nothing twice, the topics in any order."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from services.intake.domain.status import (
    Fixed,
    OrderView,
    PointsLine,
    Status,
    Step,
    credit,
    follow,
    note_fixed,
    points_of,
)
from services.intake.handlers import FollowIncident, FollowPoints
from services.intake.store import STATUSES
from shared.contracts.incident_changed import IncidentChanged
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
BEFORE = Status("inc")
STEP = Step(AT, "triaged")
WATER = OrderView("inc.1", "water", "offered")
FIRE = OrderView("inc.2", "fire", "offered")
PENDING = PointsLine("e1", "ann", "pending", 10, "hazard", None, AT)
POSTED = PointsLine("e2", "ann", "posted", 10, "hazard", "first_reporter", AT)
OTHERS = PointsLine("e3", "bob", "posted", 3, "hazard", "co_reporter", AT)


def test_a_state_is_copied_and_an_order_leaves_it() -> None:
    triaged = follow(BEFORE, 1, STEP, "triaged", None, ())
    assert (triaged.state, triaged.seen, triaged.orders) == ("triaged", 1, ())
    offered = follow(triaged, 2, STEP, None, WATER, ())
    assert (offered.state, offered.orders, len(offered.steps)) == ("triaged", (WATER,), 2)


def test_orders_stand_side_by_side_and_each_is_replaced_by_its_newer_self() -> None:
    both = follow(follow(BEFORE, 1, STEP, None, WATER, ()), 2, STEP, None, FIRE, ())
    accepted = OrderView("inc.1", "water", "accepted")
    assert set(follow(both, 3, STEP, None, accepted, ()).orders) == {accepted, FIRE}
    assert follow(both, 3, STEP, "in_progress", None, ()).orders == both.orders


def test_after_photos_are_kept_once_in_their_order() -> None:
    done = follow(follow(BEFORE, 1, STEP, None, WATER, ("a", "b")), 2, STEP, None, FIRE, ("b", "c"))
    assert done.after_photos == ("a", "b", "c")


@pytest.mark.parametrize("sequence", [0, 1, 2])
def test_old_news_changes_nothing(sequence: int) -> None:
    now = follow(BEFORE, 2, STEP, "dispatched", None, ())
    assert follow(now, sequence, STEP, "triaged", WATER, ("p",)) == now


@pytest.mark.parametrize("lines", [*permutations([PENDING, POSTED, OTHERS, PENDING, POSTED])])
def test_points_end_the_same_in_any_order_and_however_often_told(lines: tuple[PointsLine, ...]) -> None:
    status = BEFORE
    for line in lines:
        status = credit(status, line)
    assert len(status.points) == 3
    assert points_of(status, "ann") == POSTED
    assert points_of(status, "bob") == OTHERS
    assert points_of(status, "eve") is None


def test_a_voided_promise_is_shown_as_voided() -> None:
    void = PointsLine("e4", "ann", "void", 0, "rejected", None, AT)
    assert points_of(credit(credit(BEFORE, PENDING), void), "ann") == void


def test_a_repair_is_noted_once_a_cycle() -> None:
    first, second = Fixed(1, AT, on_time=True), Fixed(2, AT, on_time=False)
    status = note_fixed(note_fixed(note_fixed(BEFORE, first), second), first)
    assert status.fixed == (first, second)


def change(to: str | None, order: str | None = None) -> IncidentChanged:
    fields: dict[str, Any] = {
        "subdistrict": "140302003",
        "kind": "state" if to else "order_accepted",
        "incident": "inc",
        "code": "7K3M-9QXA",
        "actor_kind": "system",
        "to_state": to,
    }
    if order:
        at = "2026-11-25T08:00:00Z"
        fields["order"] = {"id": order, "department": "water", "state": "accepted", "accept_by": at, "due_at": at}
    return IncidentChanged.model_validate(fields)


async def test_events_of_both_topics_reach_the_copy_even_before_the_report_was_seen() -> None:
    store = MemoryTransactor()
    async with running(store) as lane:
        await lane.submit(FollowPoints(STATUSES, "inc", PENDING))
        await lane.submit(FollowIncident(STATUSES, change("triaged"), 1, AT))
        await lane.submit(FollowIncident(STATUSES, change(None, "inc.1"), 2, AT))
        for number in (2, 1):  # the same news again, and older news after it
            await lane.submit(FollowIncident(STATUSES, change("reported"), number, AT))
    seen = STATUSES.load(store.documents[STATUSES.ref("inc")])
    assert seen == Status(
        "inc",
        "triaged",
        2,
        (OrderView("inc.1", "water", "accepted"),),
        (Step(AT, "triaged"), Step(AT, "order_accepted", "water")),
        points=(PENDING,),
    )
