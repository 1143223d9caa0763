"""Every row of the table of notify: for each kind of event, who is told what and how urgently, or why nobody is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest

from services.notify.agents import handlers
from services.notify.domain.member import Squad
from services.notify.domain.telling import TABLE
from services.notify.store import BOOKS, MESSAGES, SQUADS
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.report_updated import ReportUpdated
from shared.contracts.vocabulary import IncidentState, Level
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work, more_reads
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.notifying import (
    HERE,
    SUBDISTRICT,
    THERE,
    Got,
    Said,
    StubNames,
    adjusted,
    awarded,
    changed,
    decided,
    hear,
    inboxes,
    place,
    recorded,
    reported,
    resolved,
    state,
    updated,
)

R1, R2, STAFF = "rider:rider-1", "rider:rider-2", f"community:{HERE}"
OFFICERS, UNIT = f"group:officers-{HERE}", f"group:unit-{HERE}00505"
WATER, LEADS = f"department:{SUBDISTRICT}:water", f"subdistrict:{SUBDISTRICT}"
Told = tuple[str, str, str]

FIXED = [(OFFICERS, "fixed_for_groups", "low"), (UNIT, "fixed_for_groups", "low")]

EVENTS: dict[tuple[str, str], tuple[list[Said], list[Told]]] = {
    ("incident-reported", "new"): (
        [],
        [(R1, "received", "normal"), (STAFF, "staff_new", "normal"), (OFFICERS, "group_new", "normal")],
    ),
    ("report-updated", "joined"): ([updated("joined", 1, 1)], [(R2, "joined", "normal")]),
    ("report-updated", "broken_again"): ([updated("broken_again", 1, 1)], [(R2, "broken_again", "normal")]),
    **{
        ("report-updated", kind): ([updated(kind, 1, 1, rider="rider-1")], [])
        for kind in ("photo_added", "comment", "info_given", "says_fixed", "says_not_fixed", "appealed")
    },
    ("incident-changed", "state:reported"): ([state("reported", 1, 1)], []),
    ("incident-changed", "state:triaged"): ([state("triaged", 1, 1, "reported")], []),
    ("incident-changed", "state:triaged_reason"): (
        [state("triaged", 1, 1, "reported", reason="needs_location: the place is uncertain")],
        [(STAFF, "staff_triage", "normal")],
    ),
    ("incident-changed", "state:triaged_returned"): (
        [state("triaged", 1, 1, "dispatched")],
        [(STAFF, "staff_all_returned", "normal")],
    ),
    ("incident-changed", "state:triaged_appeal"): (
        [state("triaged", 1, 1, "rejected", reason="照片清楚")],
        [(R1, "appeal_granted", "normal")],
    ),
    ("incident-changed", "state:dispatched"): ([state("dispatched", 1, 1, "triaged")], []),
    ("incident-changed", "state:reopened"): (
        [state("dispatched", 1, 1, "resolved", reason="又坏了")],
        [(R1, "reopened", "normal")],
    ),
    ("incident-changed", "state:needs_info"): (
        [state("needs_info", 1, 1, reason="在路哪一侧？")],
        [(R1, "needs_info", "normal")],
    ),
    ("incident-changed", "state:in_progress"): ([state("in_progress", 1, 1)], [(R1, "in_progress", "low")]),
    ("incident-changed", "state:temporary_safe"): ([state("temporary_safe", 1, 1)], [(R1, "temporary_safe", "normal")]),
    ("incident-changed", "state:resolved"): ([state("resolved", 1, 1)], [(STAFF, "fixed_for_staff", "low")]),
    ("incident-changed", "state:closed"): ([state("closed", 1, 1)], []),
    ("incident-changed", "state:duplicate"): (
        [state("duplicate", 1, 1, reason="同一个井盖")],
        [(R1, "duplicate", "normal")],
    ),
    ("incident-changed", "state:rejected"): ([state("rejected", 1, 1, reason="不属实")], [(R1, "rejected", "normal")]),
    ("incident-changed", "state:closed_no_action"): (
        [state("closed_no_action", 1, 1, reason="路已封闭")],
        [(R1, "no_action", "normal")],
    ),
    ("incident-changed", "state:parked"): ([state("parked", 1, 1, reason="冬季无法施工")], [(R1, "parked", "normal")]),
    ("incident-changed", "place"): (
        [changed("place", 1, 1, place=place(THERE))],
        [(f"community:{THERE}", "staff_moved_here", "normal")],
    ),
    ("incident-changed", "category"): (
        [changed("category", 1, 1, category={"scheme": "gb30428", "code": "P0101"})],
        [],
    ),
    ("incident-changed", "merged"): ([changed("merged", 1, 1, other_incident="main")], []),
    ("incident-changed", "unmerged"): ([changed("unmerged", 1, 1, other_incident="alone")], []),
    ("incident-changed", "order_offered"): (
        [changed("order_offered", 1, 1)],
        [(R1, "asked", "low"), (WATER, "department_offer", "normal")],
    ),
    ("incident-changed", "order_moved"): (
        [changed("order_returned", 1, 1, reason="属于排水"), changed("order_offered", 2, 2, department="drainage")],
        [(R1, "moved", "normal"), (f"department:{SUBDISTRICT}:drainage", "department_offer", "normal")],
    ),
    ("incident-changed", "order_returned"): ([changed("order_returned", 1, 1, reason="属于排水")], []),
    ("incident-changed", "order_accepted"): ([changed("order_accepted", 1, 1)], [(R1, "accepted", "low")]),
    ("incident-changed", "order_extension"): ([changed("order_extension", 1, 1)], []),
    ("incident-changed", "order_done"): ([changed("order_done", 1, 1)], []),
    ("incident-changed", "order_withdrawn"): (
        [changed("order_withdrawn", 1, 1)],
        [(WATER, "department_withdrawn", "normal")],
    ),
    ("incident-changed", "reminder"): ([changed("reminder", 1, 1)], [(WATER, "department_reminder", "normal")]),
    ("incident-changed", "escalated:accept_missed"): (
        [changed("escalated", 1, 1, level="accept_missed")],
        [(WATER, "department_accept_missed", "urgent")],
    ),
    ("incident-changed", "escalated:department_lead"): (
        [changed("escalated", 1, 1, level="department_lead")],
        [(WATER, "department_late", "normal")],
    ),
    ("incident-changed", "escalated:community_lead"): (
        [changed("escalated", 1, 1, level="community_lead")],
        [(STAFF, "staff_late", "normal")],
    ),
    ("incident-changed", "escalated:subdistrict_lead"): (
        [changed("escalated", 1, 1, level="subdistrict_lead")],
        [(LEADS, "leads_late", "normal")],
    ),
    ("incident-resolved", "department"): ([resolved(1, 1)], [(R1, "fixed", "normal"), *FIXED]),
    ("incident-resolved", "self_fixed"): (
        [resolved(1, 1, how="self_fixed")],
        [(R1, "fixed_by_rider", "normal"), *FIXED],
    ),
    ("points-awarded", "hazard"): ([awarded("e1", 1)], [(R1, "points_awarded", "normal")]),
    ("points-awarded", "activity"): (
        [awarded("e1", 1, incident=None, activity="meeting", rule="meeting")],
        [(R1, "points_for_activity", "normal")],
    ),
    ("points-awarded", "cap"): ([awarded("e1", 1, points=0, reason="cap")], [(R1, "points_capped", "normal")]),
    **{("points-adjusted", kind): ([adjusted(kind, "e1", 1)], []) for kind in ("pending", "void")},
    **{
        ("points-adjusted", kind): ([adjusted(kind, "e1", 1)], [])
        for kind in ("redemption_reserved", "redemption_picked_up")
    },
    ("points-adjusted", "reversal"): ([adjusted("reversal", "e1", 1)], [(R1, "points_reversed", "normal")]),
    ("points-adjusted", "expiry"): ([adjusted("expiry", "e1", 1)], [(R1, "points_expired", "normal")]),
    **{
        ("points-adjusted", kind): ([adjusted(kind, "e1", 1, points=5)], [(R1, kind, "normal")])
        for kind in ("redemption_cancelled", "redemption_expired")
    },
    ("activity-decided", "approved"): ([decided("approved", 1)], []),
    ("activity-decided", "rejected"): (
        [decided("rejected", 1, reason="照片看不清")],
        [(R1, "activity_rejected", "normal")],
    ),
    ("activity-recorded", "for_captain"): ([recorded("squad-1")], [("rider:rider-9", "captain_activity", "normal")]),
    ("activity-recorded", "without_captain"): ([recorded(None)], []),
}


class Notify:
    """Notify over a memory store."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store = store
        self.lane = lane

    async def hear(self, *events: Said) -> list[Got]:
        """Deliver events one by one; returns what is new in any inbox."""
        before = {got.key for got in self.inboxes()}
        for event in events:
            await hear(self.lane, [event])
        return [got for got in self.inboxes() if got.key not in before]

    def inboxes(self) -> list[Got]:
        return inboxes(
            doc for ref, doc in self.store.documents.items() if ref.collection == MESSAGES.collection and doc
        )


@pytest.fixture
async def notify() -> AsyncIterator[Notify]:
    store = MemoryTransactor()
    store.documents[SQUADS.ref("squad-1")] = {**SQUADS.dump(Squad("squad-1", ("rider-9",))), "version": 1}
    async with running(store) as lane:
        yield Notify(store, lane)


def test_the_table_answers_whatever_the_contract_can_say() -> None:
    def kinds(event: Any, name: str = "kind") -> set[str]:
        return set(get_args(event.model_fields[name].annotation))

    words = {
        "report-updated": kinds(ReportUpdated),
        "incident-changed": (kinds(IncidentChanged) - {"state", "escalated"})
        | {f"state:{s}" for s in get_args(IncidentState)}
        | {f"escalated:{level}" for level in get_args(Level)},
        "incident-resolved": kinds(IncidentResolved, "how"),
        "points-adjusted": kinds(PointsAdjusted),
        "activity-decided": kinds(ActivityDecided),
    }
    assert {(topic, word) for topic, known in words.items() for word in known} <= set(TABLE)


def test_an_entry_tells_somebody_or_says_why_nobody() -> None:
    assert all(bool(entry.rows) != bool(entry.nobody) for entry in TABLE.values())
    assert set(EVENTS) == set(TABLE), "every row is tested below, and no other"


@pytest.mark.parametrize("key", EVENTS, ids=" ".join)
async def test_a_row_tells_exactly_these(notify: Notify, key: tuple[str, str]) -> None:
    events, expected = EVENTS[key]
    first = await notify.hear(reported())
    got = await notify.hear(*events) if events else first
    assert sorted((g.audience, g.template, g.urgency) for g in got) == sorted(expected)
    for one in got:
        assert "—" not in one.zh + one.en, "the event brings every value that its text asks for"
        assert (one.code, one.link) in (("7K3M-9QXA", "/p/7K3M-9QXA"), (None, "/passbook"), (None, "/"))
    assert not await notify.hear(reported(), *events), "the same events again tell nobody anything"


async def test_an_emergency_is_urgent_for_staff_wherever_it_turns_out_to_lie(notify: Notify) -> None:
    uncertain = await notify.hear(reported(emergency=True, place=place(None)))
    assert [(g.audience, g.urgency) for g in uncertain] == [(R1, "normal"), ("subdistrict:140302003", "urgent")]
    found = await notify.hear(changed("place", 1, 1, place=place(HERE)))
    assert [(g.audience, g.template, g.urgency) for g in found] == [(STAFF, "staff_moved_here", "urgent")]
    assert not await notify.hear(changed("place", 2, 2, place=place(HERE, "南门"))), "they know of it"


async def test_riders_read_the_words_of_the_report_and_staff_the_corrected_ones(notify: Notify) -> None:
    await notify.hear(reported())
    await notify.hear(
        changed("place", 1, 1, place=place(THERE, "南门")),
        changed("category", 2, 1, category={"scheme": "gb30428", "code": "P0101"}),
    )
    told = await notify.hear(state("resolved", 3, 2), resolved(1, 2))
    assert {g.audience: g.template for g in told if not g.audience.startswith("group:")} == {
        f"community:{THERE}": "fixed_for_staff",
        R1: "fixed",
    }
    rider, staff = (next(g for g in told if g.audience == name) for name in (R1, f"community:{THERE}"))
    assert "类别P0101" in staff.zh
    assert "南门" in staff.zh
    assert "类别P0106" in rider.zh
    assert "north" not in rider.en
    assert "grid 00500505, 北门" in rider.en


async def test_the_reason_for_triage_is_in_words_and_not_in_codes(notify: Notify) -> None:
    (_, _), (got,) = (
        await notify.hear(reported(place=place(None, None))),
        await notify.hear(state("triaged", 1, 1, "reported", reason="needs_location: the place is uncertain")),
    )
    assert "needs_location" not in got.zh + got.en
    assert "位置不确定" in got.zh


async def test_scenario_22_a_return_is_told_as_a_move_and_never_as_a_refusal(notify: Notify) -> None:
    await notify.hear(reported())
    got = await notify.hear(
        changed("order_offered", 1, 1, department="water"),
        changed("order_offered", 2, 1, department="fire"),
        changed("order_returned", 3, 2, department="water", reason="属于排水"),
        changed("order_offered", 4, 2, department="drainage"),
        changed("order_offered", 5, 3, department="gas"),
    )
    riders = [g for g in got if g.audience == R1]
    assert [g.template for g in riders] == ["asked", "asked", "moved", "asked"]
    assert "已转给部门drainage" in riders[2].zh
    assert not any(word in g.zh for g in riders for word in ("退回", "拒", "不予"))


async def test_a_new_cycle_begins_with_asking_not_with_moving(notify: Notify) -> None:
    await notify.hear(reported(), changed("order_returned", 1, 1, reason="x"), state("resolved", 2, 2))
    again = state("dispatched", 3, 3, "resolved", reason="又坏了")
    got = await notify.hear(again, changed("order_offered", 4, 3))
    assert [g.template for g in got if g.audience == R1] == ["reopened", "asked"]


async def test_a_second_resolved_after_a_reopening_is_a_new_message(notify: Notify) -> None:
    await notify.hear(reported(), resolved(1, 5))
    (second,) = [g for g in await notify.hear(resolved(2, 50)) if g.audience == R1]
    assert second.key == "incident-resolved|incident-resolved:inc:2|rider:rider-1"
    assert not await notify.hear(resolved(1, 5), resolved(2, 50))


async def test_whoever_joins_hears_what_happens_from_then_on(notify: Notify) -> None:
    await notify.hear(reported(), state("in_progress", 1, 1), updated("joined", 1, 5))
    late = await notify.hear(changed("order_accepted", 2, 4.9))
    assert [g.audience for g in late] == [R1]
    both = await notify.hear(state("temporary_safe", 3, 6), resolved(1, 7, "rider-1", "rider-9"))
    assert [(g.audience, g.template) for g in both if g.audience.startswith("rider:")] == [
        (R1, "temporary_safe"),
        (R1, "fixed"),
        (R2, "temporary_safe"),
        (R2, "fixed"),
        ("rider:rider-9", "fixed"),  # came from a merged incident: only dispatch knows him
    ]


async def test_what_came_before_the_report_waits_for_it_and_comes_in_the_order_in_which_it_happened(
    notify: Notify,
) -> None:
    early = [resolved(1, 9), awarded("e1", 10), state("in_progress", 1, 2), updated("joined", 1, 3)]
    assert not await notify.hear(*early)
    got = [g for g in await notify.hear(reported()) if g.audience == R1]
    assert [g.template for g in got] == ["received", "in_progress", "fixed", "points_awarded"]
    assert [g.sequence for g in got] == [1, 2, 3, 4]


async def test_inboxes_count_without_a_gap_however_many_share_a_transaction(notify: Notify) -> None:
    events = [reported(f"inc-{n}", code="7K3M-9QXA") for n in range(20)]
    moved = [state("in_progress", 1, 1, incident=f"inc-{n}") for n in range(20)]
    await asyncio.gather(hear(notify.lane, events), hear(notify.lane, moved))
    assert notify.store.transactions < 20
    mine = [g.sequence for g in notify.inboxes() if g.audience == R1]
    assert mine == list(range(1, 41))


async def test_an_event_of_a_long_case_looks_only_at_what_it_adds(notify: Notify) -> None:
    await notify.hear(reported(), *(state("in_progress", n, n) for n in range(1, 30)))
    event = state("temporary_safe", 99, 99)
    command = handlers(BOOKS, StubNames())[event.topic](event.message)
    work = Work({ref: notify.store.documents.get(ref) for ref in command.reads()}, NOW)
    assert list(more_reads(command, work)) == [
        Ref("messages", f"incident-changed|{event.message.envelope.id}|riders"),
        Ref("recipients", R1),
    ]


async def test_a_message_names_the_reference_data_whose_words_it_uses(notify: Notify) -> None:
    await notify.hear(reported())
    stored = [document for ref, document in notify.store.documents.items() if ref.collection == "messages"]
    assert stored
    assert {document["reference_version"] for document in stored} == {"v1"}


async def test_groups_read_the_words_of_the_grid_tree_and_nothing_that_a_person_wrote(notify: Notify) -> None:
    got = await notify.hear(reported(emergency=True, place=place(HERE, "张三家门口")))
    groups = {g.audience: g for g in got if g.audience.startswith("group:")}
    assert {name: (g.template, g.urgency) for name, g in groups.items()} == {
        OFFICERS: ("group_new", "urgent"),
        UNIT: ("group_danger", "urgent"),
    }
    assert not any("张三" in g.zh + g.en for g in groups.values())
    assert all("网格" in g.zh and "类别P0106" in g.zh for g in groups.values())


async def test_what_is_not_public_is_marked_and_a_correction_counts(notify: Notify) -> None:
    private = {"scheme": "gb30428", "code": "PRIVATE"}
    await notify.hear(reported(category=private), resolved(1, 2))
    await notify.hear(
        reported("inc-2"),
        changed("category", 1, 1, "inc-2", category=private),
        state("resolved", 2, 2, incident="inc-2"),
    )
    public = {
        (ref.id, document["public"])
        for ref, document in notify.store.documents.items()
        if ref.collection == "messages" and document and document["template"] in ("group_new", "fixed_for_staff")
    }
    assert public == {
        ("incident-reported|incident-reported:inc|officers", False),
        ("incident-reported|incident-reported:inc-2|officers", True),
        ("incident-changed|incident-changed:inc-2:2:0|staff", False),
    }


async def test_a_community_that_is_asked_itself_is_told_as_its_staff(notify: Notify) -> None:
    await notify.hear(reported())
    got = await notify.hear(changed("order_offered", 1, 1, department=f"community-{HERE}"))
    assert [g.audience for g in got] == [R1]
