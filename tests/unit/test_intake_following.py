"""Intake's copy of what dispatch says: newest wins, nothing twice, orders side by side."""

import asyncio
from typing import Any

import pytest

from services.intake.domain import Incident, OrderView, follow
from services.intake.handlers import FollowIncident
from services.intake.store import INCIDENTS
from shared.contracts.incident_changed import IncidentChanged
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor

BEFORE = Incident("inc", "7K3M-9QXA", "140302003", ("r1",), ("p1",), "reported", 0, ())
WATER = OrderView("inc.1", "water", "offered")
FIRE = OrderView("inc.2", "fire", "offered")


def test_a_state_is_copied_and_an_order_leaves_it() -> None:
    triaged = follow(BEFORE, 1, "triaged", None)
    assert (triaged.state, triaged.seen_sequence, triaged.orders) == ("triaged", 1, ())
    offered = follow(triaged, 2, None, WATER)
    assert (offered.state, offered.orders) == ("triaged", (WATER,))


def test_orders_stand_side_by_side_and_each_is_replaced_by_its_newer_self() -> None:
    both = follow(follow(BEFORE, 1, None, WATER), 2, None, FIRE)
    accepted = OrderView("inc.1", "water", "accepted")
    assert set(follow(both, 3, None, accepted).orders) == {accepted, FIRE}
    assert follow(both, 3, "in_progress", None).orders == both.orders


@pytest.mark.parametrize("sequence", [0, 1, 2])
def test_old_news_changes_nothing(sequence: int) -> None:
    now = follow(BEFORE, 2, "dispatched", None)
    assert follow(now, sequence, "triaged", WATER) == now


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


async def test_an_event_reaches_the_copy_and_keeps_its_reports_and_photos() -> None:
    store = MemoryTransactor()
    store.documents[INCIDENTS.ref("inc")] = {**INCIDENTS.dump(BEFORE), "version": 1}
    async with running(store) as lane:
        await lane.submit(FollowIncident(INCIDENTS, change("triaged"), 1))
        await lane.submit(FollowIncident(INCIDENTS, change(None, "inc.1"), 2))
        # the same news again, and older news after it
        await asyncio.gather(*(lane.submit(FollowIncident(INCIDENTS, change("reported"), n)) for n in (2, 1)))
    seen = INCIDENTS.load(store.documents[INCIDENTS.ref("inc")])
    assert seen == Incident(
        "inc", "7K3M-9QXA", "140302003", ("r1",), ("p1",), "triaged", 2, (OrderView("inc.1", "water", "accepted"),)
    )


async def test_an_incident_that_was_not_opened_here_is_an_error_that_waits_in_line() -> None:
    async with running(MemoryTransactor()) as lane:
        with pytest.raises(LookupError, match="inc was not opened here"):
            await lane.submit(FollowIncident(INCIDENTS, change("triaged"), 1))
