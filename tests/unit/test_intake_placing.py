"""Scenario 16, intake's part: staff move an incident, and what people see is where it now is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.intake import agents
from services.intake.domain.report import Report
from services.intake.opening import OpenReport
from services.intake.report_out import report_out
from services.intake.store import HOLDINGS, INCIDENTS, REPORTS, STATUSES
from shared.context import Context
from shared.contracts.envelope import Envelope, Message
from shared.contracts.incident_changed import IncidentChanged
from shared.mongo.lane import Lane
from shared.scope import Scope
from tests.support.intaking import GRID, MemoryViews, report
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor

NEXT = {
    "subdistrict": "140302003",
    "community": "140302003006",
    "basic_grid": "140302003006001",
    "micro_grid": "14030200300600101",
}
FURTHER = {**NEXT, "micro_grid": "14030200300600102"}
HERE_DESK = Scope("s1", "staff:s1", "140302003", desk=True, communities=(GRID.community,))
NEXT_DESK = Scope("s2", "staff:s2", "140302003", desk=True, communities=("140302003006",))


def moved(sequence: int, lat: float, grid: dict[str, str] | None) -> Message:
    """60 m to the north and over the border of a community, or to another place."""
    place = {
        "wgs84": {"lng": 113.58, "lat": lat},
        "gcj02": {"lng": 113.586403, "lat": lat + 0.0005},
        "accuracy_m": 5.0,
        "grid": grid,
    }
    fields: dict[str, Any] = {"subdistrict": "140302003", "kind": "place", "incident": "inc", "code": "7K3M-9QXA"}
    data = IncidentChanged.model_validate({**fields, "actor_kind": "staff", "reason": "moved", "place": place})
    envelope = Envelope(
        id=f"incident-changed:inc:{sequence}:0",
        type=data.TYPE,
        source="/140302003/dispatch",
        subject="inc",
        time=NOW,
        recorded_time=NOW,
        partition_key="inc",
        sequence=sequence,
        cycle=1,
        correlation_id="c",
        causation_id=None,
        actor="staff:s1",
        traceparent=None,
    )
    return Message(envelope, data)


class House:
    """One report, and what intake hears."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store = store
        self.lane = lane
        self.views = MemoryViews(store)

    async def open(self, **changes: Any) -> Report:
        command = OpenReport(HOLDINGS, report(**changes), (), Context("rider:rider-1", "story"))
        return (await self.lane.submit(command)).report

    async def hear(self, *messages: Message) -> None:
        handle = agents.handlers(HOLDINGS)["incident-changed"]
        for message in messages:
            await self.lane.submit(handle(message))

    def now(self) -> Report:
        return REPORTS.load(self.store.documents[REPORTS.ref("r1")])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield House(store, lane)


async def test_scenario_16_a_moved_incident_is_seen_where_it_now_is_and_where_it_was_is_kept(house: House) -> None:
    before = await house.open()
    await house.hear(moved(1, 37.85754, NEXT))
    after = house.now()
    assert after.place.grid is not None
    assert (after.place.grid.micro_grid, after.place.wgs84.lat) == (NEXT["micro_grid"], 37.85754)
    assert after.reported_place == before.place
    assert await house.views.report(HERE_DESK, "r1") is None
    found = await house.views.report(NEXT_DESK, "r1")
    assert found is not None
    out = report_out(*found)
    assert (out.micro_grid, out.place.micro_grid) == (NEXT["micro_grid"], NEXT["micro_grid"])
    assert out.reported_place is not None
    assert out.reported_place.micro_grid == GRID.micro_grid
    assert [(step.what, step.reason) for step in out.timeline] == [("place", "moved")]
    incident = INCIDENTS.load(house.store.documents[INCIDENTS.ref("inc")])
    assert incident.place == after.place


async def test_moved_again_the_first_place_is_still_the_one_that_was_reported(house: House) -> None:
    before = await house.open()
    await house.hear(moved(1, 37.85754, NEXT), moved(2, 37.85800, FURTHER))
    assert house.now().reported_place == before.place
    assert house.now().place.wgs84.lat == 37.85800


async def test_old_news_moves_nothing_back(house: House) -> None:
    await house.open()
    await house.hear(moved(2, 37.85800, FURTHER), moved(1, 37.85754, NEXT), moved(2, 37.85800, FURTHER))
    assert house.now().place.wgs84.lat == 37.85800
    assert house.store.documents[REPORTS.ref("r1")]["version"] == 2


async def test_a_certain_place_takes_the_flag_away_and_an_uncertain_one_does_not(house: House) -> None:
    await house.open(flags=("needs_location",))
    await house.hear(moved(1, 37.9, None))
    assert house.now().flags == ("needs_location",)
    await house.hear(moved(2, 37.85754, NEXT))
    assert house.now().flags == ()


async def test_an_incident_that_is_not_here_is_followed_all_the_same(house: House) -> None:
    await house.hear(moved(1, 37.85754, NEXT))
    assert STATUSES.load(house.store.documents[STATUSES.ref("inc")]).seen == 1
    assert [ref.collection for ref in house.store.documents] == ["statuses"]


async def test_a_document_of_before_loads_and_moves(house: House) -> None:
    await house.open()
    new_in_issue_6 = {"reported_place", "awaiting", "told", "wake_at", "context", "place", "moved_by", "opened_at"}
    for ref in (REPORTS.ref("r1"), INCIDENTS.ref("inc")):
        kept = {"place"} if ref.collection == "reports" else set()
        old = house.store.documents[ref]
        house.store.documents[ref] = {name: old[name] for name in old if name not in new_in_issue_6 - kept}
    assert (house.now().told, house.now().awaiting) == (True, ())
    await house.hear(moved(1, 37.85754, NEXT))
    assert house.now().place.wgs84.lat == 37.85754
