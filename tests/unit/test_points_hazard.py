"""What an incident pays: promised, paid or voided, to whom and how much, as its events arrive."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.points.domain.hazard import due
from services.points.domain.incident import Sighting
from services.points.facts import fact_of_resolution
from services.points.rules import ReferenceRules
from services.points.store import INCIDENTS
from shared.contracts.points_adjusted import PointsAdjusted
from shared.contracts.points_awarded import PointsAwarded
from shared.mongo.inbox import Received
from shared.reference.load import load
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import (
    BEIDAJIE,
    NINE,
    TARIFF,
    Ledger,
    Points,
    StubRules,
    capped,
    forget_deliveries,
    in_envelopes,
    joined,
    merged,
    moved,
    recategorised,
    reported,
    resolved,
)
from tests.support.stack import REFERENCE

HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> MemoryTransactor:
    return MemoryTransactor()


@pytest.fixture
async def points(store: MemoryTransactor) -> AsyncIterator[Points]:
    async with running(store) as lane:
        yield Points(lane)
    Ledger.of(store).check()


async def test_the_story_from_report_to_passbook(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5)}
    await points.hear(moved("dispatched"), joined(at=NINE + HOUR))
    assert Ledger.of(store).balances() == {"anna": (0, 5), "bert": (0, 1)}
    await points.hear(moved("in_progress"), moved("resolved"), resolved(reported(), joined(at=NINE + HOUR)))
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0)}
    assert Ledger.of(store).told("anna") == [
        ("pending", "hazard_first", 5, "triaged"),
        ("post", "hazard_first", 5, "incident_resolved"),
    ]


async def test_every_entry_says_why(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"))
    await points.hear(resolved(reported()), actor="department:water")
    promise, payment = Ledger.of(store).lines("anna")
    assert (promise.incident, promise.report, promise.event) == ("inc", "inc-by-anna", "incident-changed:inc:1:0")
    assert (promise.rule_version, promise.reference_version, promise.actor) == ("2026-1", "ref-1", "system:points")
    assert (payment.event, payment.actor) == ("incident-resolved:inc:1", "department:water")
    assert payment.captured_at == NINE
    assert payment.id == "award:inc:hazard_first:anna:post"


async def test_each_entry_is_told_once_and_in_the_passbooks_order(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"), moved("rejected"), moved("triaged"), resolved(reported()))
    told = [message for _, message in published(store)]
    adjusted = [m.data for m in told if isinstance(m.data, PointsAdjusted)]
    awarded = [m.data for m in told if isinstance(m.data, PointsAwarded)]
    assert [(d.kind, d.points, d.pending_points, d.of_entry, d.reason) for d in adjusted] == [
        ("pending", 0, 5, None, "triaged"),
        ("void", 0, None, "award:inc:hazard_first:anna:pending", "rejected"),
    ]
    assert [(d.points, d.balance_after, d.rule, d.reason) for d in awarded] == [
        (5, 5, "hazard_first", "incident_resolved")
    ]
    assert [m.envelope.sequence for m in told] == [1, 2, 1]
    assert {(m.envelope.partition_key, m.envelope.actor, m.envelope.source) for m in told} == {
        ("anna", "system:points", "/140302003/points")
    }
    assert told[2].envelope.causation_id == "incident-resolved:inc:1"
    assert [row["position"] for row in store.rows] == [[1, 0], [2, 0], [3, 0]]


async def test_a_rider_who_reports_next_door_keeps_one_passbook_and_one_count_of_events(
    points: Points, store: MemoryTransactor
) -> None:
    there = reported(incident="there", subdistrict="140302004")
    await points.hear(reported(), resolved(reported()), there)
    await points.hear(resolved(there, incident="there", subdistrict="140302004"))
    told = [message.envelope for _, message in published(store)]
    assert [(e.source, e.sequence) for e in told] == [("/140302003/points", 1), ("/140302003/points", 2)]
    assert Ledger.of(store).balances() == {"anna": (10, 0)}
    assert [entry.debit for entry in Ledger.of(store).lines("anna")] == ["issued:140302003", "issued:140302004"]


async def test_an_emergency_pays_more_by_its_final_class(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(emergency=True), joined(), moved("triaged", severity="E"))
    assert Ledger.of(store).balances() == {"anna": (0, 10), "bert": (0, 3)}
    await points.hear(resolved(reported(), joined(), severity="U"))
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0)}


async def test_the_riders_own_tick_is_not_the_class(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(emergency=True), moved("triaged", severity="N"))
    assert Ledger.of(store).balances() == {"anna": (0, 5)}


@pytest.mark.parametrize("end", ["rejected", "duplicate", "closed_no_action"])
async def test_scenario_26_what_ends_without_being_fixed_pays_nothing(
    points: Points, store: MemoryTransactor, end: str
) -> None:
    await points.hear(reported(), joined(), moved("triaged"), moved(end))
    assert Ledger.of(store).balances() == {}
    assert Ledger.of(store).paid() == {}
    assert Ledger.of(store).told("anna")[1:] == [("void", "hazard_first", 5, end)]


@pytest.mark.parametrize("late", [reported(), joined("carl")], ids=["reported", "joined"])
async def test_scenario_26_whoever_arrives_after_the_end_is_promised_nothing(
    points: Points, store: MemoryTransactor, late: object
) -> None:
    await points.hear(moved("triaged"), moved("closed_no_action"), late)  # type: ignore[arg-type]
    assert Ledger.of(store).entries == []


async def test_scenario_36_resolving_again_after_a_reopening_pays_once(points: Points, store: MemoryTransactor) -> None:
    first, second = reported(), joined("carl", at=NINE + HOUR)
    await points.hear(first, moved("triaged"), moved("dispatched"), resolved(first))
    await points.hear(moved("dispatched"), second, resolved(first, second, cycle=2))
    assert Ledger.of(store).paid() == {"award:inc:hazard_first:anna:post": (5, "incident_resolved")}
    assert Ledger.of(store).balances() == {"anna": (5, 0)}
    kept = INCIDENTS.load(store.documents[INCIDENTS.ref("inc")])
    assert kept.resolved is not None
    assert kept.resolved.cycle == 1  # why it paid what it paid is the first resolution, for ever


async def test_scenario_36_ten_deliveries_of_one_resolution_are_one_entry(
    points: Points, store: MemoryTransactor
) -> None:
    (told,) = in_envelopes([resolved(reported())])
    answers = [await points.deliver(told) for _ in range(10)]
    assert answers == [Received.DONE, *[Received.DUPLICATE] * 9]
    assert len(Ledger.of(store).entries) == 1


async def test_resolved_before_reported_pays_directly_and_late_promises_are_ignored(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(resolved(reported(), joined()))
    await points.hear(reported(), joined(), moved("triaged"), moved("dispatched"), joined("carl"))
    assert Ledger.of(store).told("anna") == [("post", "hazard_first", 5, "incident_resolved")]
    assert Ledger.of(store).told("bert") == [("post", "hazard_co_reporter", 1, "incident_resolved")]
    assert Ledger.of(store).told("carl") == []


@pytest.mark.parametrize("end", ["rejected", "duplicate", "closed_no_action"])
async def test_what_was_paid_stays_paid(points: Points, store: MemoryTransactor, end: str) -> None:
    await points.hear(reported(), moved("triaged"), resolved(reported()), moved(end))
    assert Ledger.of(store).balances() == {"anna": (5, 0)}
    assert len(Ledger.of(store).entries) == 2


async def test_an_appeal_that_is_won_is_paid_without_a_second_promise(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"), moved("rejected"), moved("triaged"))
    assert Ledger.of(store).balances() == {}
    await points.hear(resolved(reported()))
    assert [kind for kind, *_ in Ledger.of(store).told("anna")] == ["pending", "void", "post"]
    assert Ledger.of(store).balances() == {"anna": (5, 0)}


async def test_a_rejection_before_anybody_was_promised_anything_leaves_room_for_the_appeal(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(reported(), moved("rejected"), moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5)}


async def test_who_saw_it_first_though_his_report_came_later_takes_the_first_place(
    points: Points, store: MemoryTransactor
) -> None:
    early = joined("bert", at=NINE - HOUR, received_at=NINE + HOUR)
    await points.hear(reported(), moved("triaged"), early)
    assert Ledger.of(store).promised() == {
        "award:inc:hazard_co_reporter:anna:pending": 1,
        "award:inc:hazard_first:bert:pending": 5,
    }
    assert Ledger.of(store).told("anna")[1] == ("void", "hazard_first", 5, "superseded")
    assert Ledger.of(store).lines("anna")[1].actor == "system:points"  # not bert
    await points.hear(resolved(early, reported()))
    assert Ledger.of(store).balances() == {"anna": (1, 0), "bert": (5, 0)}


async def test_the_frozen_order_decides_whatever_was_promised(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), joined(at=NINE + HOUR), moved("triaged"))
    await points.hear(resolved(joined(at=NINE + HOUR), reported()))
    assert Ledger.of(store).balances() == {"anna": (1, 0), "bert": (5, 0)}


async def test_at_most_three_co_reporters(points: Points, store: MemoryTransactor) -> None:
    others = [joined(name, at=NINE + n * HOUR) for n, name in enumerate(("bert", "carl", "dora", "emil"), 1)]
    await points.hear(reported(), *others, moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5), "bert": (0, 1), "carl": (0, 1), "dora": (0, 1)}
    await points.hear(resolved(reported(), *others))
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0), "carl": (1, 0), "dora": (1, 0)}


async def test_co_reporters_count_for_24_hours(points: Points, store: MemoryTransactor) -> None:
    in_time, late = joined("bert", at=NINE + 24 * HOUR), joined("carl", at=NINE + 24 * HOUR + timedelta(seconds=1))
    await points.hear(reported(), in_time, late, moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5), "bert": (0, 1)}
    await points.hear(resolved(reported(), in_time, late))
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0)}


async def test_nobody_is_co_reporter_of_himself(points: Points, store: MemoryTransactor) -> None:
    again = joined("anna", at=NINE + HOUR, report="second-look")
    await points.hear(reported(), again, moved("triaged"), resolved(reported(), again))
    assert Ledger.of(store).balances() == {"anna": (5, 0)}


@pytest.mark.parametrize(
    ("captured", "counts"),
    [
        (-24 * HOUR, True),
        (-24 * HOUR - timedelta(seconds=1), False),
        (timedelta(0), True),
        (timedelta(seconds=1), False),
    ],
)
def test_a_riders_clock_counts_for_a_day_before_receipt_and_never_in_the_future(
    captured: timedelta, counts: bool
) -> None:
    sighting = Sighting("anna", "r1", NINE + captured, NINE)
    assert sighting.counts_from(24 * HOUR) == (NINE + captured if counts else NINE)


async def test_order_is_by_what_can_be_stored(points: Points, store: MemoryTransactor) -> None:
    """Decided in the batch that heard of both or from what was read back: 0.9 ms and 0.1 ms are the same moment."""
    within = [reported(at=NINE + timedelta(microseconds=900)), joined(at=NINE + timedelta(microseconds=100))]
    await points.hear(*within, moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5), "bert": (0, 1)}


async def test_a_clock_that_cannot_be_right_wins_no_first_place(points: Points, store: MemoryTransactor) -> None:
    liar = joined("bert", at=NINE - 30 * HOUR, received_at=NINE + HOUR)
    await points.hear(reported(), liar, moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5), "bert": (0, 1)}


async def test_self_fixed_is_paid_by_its_own_rule_alone(points: Points, store: MemoryTransactor) -> None:
    fixed = resolved(reported(), joined(), how="self_fixed", departments=(), on_time=None, severity="E")
    await points.hear(reported(), joined(), moved("triaged"), fixed)
    assert Ledger.of(store).told("anna")[1:] == [
        ("void", "hazard_first", 5, "self_fixed"),
        ("post", "hazard_self_fixed", 1, "incident_resolved"),
    ]
    assert Ledger.of(store).balances() == {"anna": (1, 0)}


@pytest.mark.parametrize("code", ["L04", "L05"])
async def test_a_category_that_pays_by_another_way_or_not_at_all(
    points: Points, store: MemoryTransactor, code: str
) -> None:
    await points.hear(reported(), moved("triaged"), recategorised(code))
    assert Ledger.of(store).told("anna")[1:] == [("void", "hazard_first", 5, "category")]
    await points.hear(recategorised("E0505"))
    assert Ledger.of(store).balances() == {}
    await points.hear(resolved(reported(), category={"scheme": "gb30428", "code": code}))
    assert Ledger.of(store).paid() == {}


async def test_a_category_that_staff_corrected_stays_when_the_report_arrives_later(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(recategorised("L05"), reported(), moved("triaged"))
    assert Ledger.of(store).entries == []


async def test_the_final_category_decides_what_is_paid(points: Points, store: MemoryTransactor) -> None:
    unpaid = {"scheme": "gb30428", "code": "L05"}
    await points.hear(reported(category=unpaid), moved("triaged"))
    assert Ledger.of(store).entries == []
    await points.hear(resolved(reported(category=unpaid)))
    assert Ledger.of(store).balances() == {"anna": (5, 0)}


async def test_a_merged_incident_takes_its_promises_back(points: Points, store: MemoryTransactor) -> None:
    await points.hear(reported(), moved("triaged"), merged("main"))
    assert Ledger.of(store).told("anna")[1:] == [("void", "hazard_first", 5, "duplicate")]


async def test_updates_that_are_no_new_rider_change_nothing(points: Points, store: MemoryTransactor) -> None:
    comment = joined("bert", kind="comment", text="still there")
    again = joined("carl", kind="broken_again")
    await points.hear(reported(), comment, again, moved("triaged"))
    assert Ledger.of(store).balances() == {"anna": (0, 5)}


async def test_over_the_cap_a_line_of_nothing_says_so(points: Points, store: MemoryTransactor) -> None:
    points.rules = capped(day=9)
    for incident in ("one", "two"):
        mine = reported(incident=incident)
        await points.hear(mine, moved("triaged", incident), resolved(mine, incident=incident))
    assert Ledger.of(store).paid() == {
        "award:one:hazard_first:anna:post": (5, "incident_resolved"),
        "award:two:hazard_first:anna:post": (0, "cap"),
    }
    assert Ledger.of(store).balances() == {"anna": (5, 0)}
    awarded = [m.data for _, m in published(store, "points-awarded")]
    assert [(d.points, d.reason) for d in awarded if isinstance(d, PointsAwarded)][1] == (0, "cap")


async def test_caps_count_by_the_day_it_was_seen_in_the_sub_district(points: Points, store: MemoryTransactor) -> None:
    """23:59 and 00:01 in Beidajie are the same day in UTC and not there."""
    points.rules = capped(day=5)
    midnight = NINE.replace(hour=16)
    for incident, at in (("one", midnight - timedelta(minutes=1)), ("two", midnight + timedelta(minutes=1))):
        mine = reported(incident=incident, at=at)
        await points.hear(mine, resolved(mine, incident=incident))
    assert Ledger.of(store).balances() == {"anna": (10, 0)}


async def test_a_cap_of_the_month_counts_all_its_days(points: Points, store: MemoryTransactor) -> None:
    points.rules = capped(month=10)
    for n in range(3):
        mine = reported(incident=f"i{n}", at=NINE + n * 24 * HOUR)
        await points.hear(mine, resolved(mine, incident=f"i{n}"))
    assert Ledger.of(store).balances() == {"anna": (10, 0)}


async def test_everything_again_after_the_inbox_has_forgotten_it_changes_nothing(
    points: Points, store: MemoryTransactor
) -> None:
    early = joined("bert", at=NINE - HOUR, received_at=NINE + HOUR)
    story = [reported(), moved("triaged"), early, moved("dispatched"), resolved(early, reported()), moved("closed")]
    open_one = [reported(incident="two"), moved("triaged", "two"), joined("carl", "two")]
    told = in_envelopes([*story, *open_one])
    for message in told:
        await points.deliver(message)
    before, rows = Ledger.of(store), len(store.rows)
    forget_deliveries(store)
    for message in told:
        assert await points.deliver(message) is Received.DONE
    assert Ledger.of(store) == before
    assert len(store.rows) == rows


async def test_an_old_change_that_comes_again_without_the_inbox_is_old(points: Points, store: MemoryTransactor) -> None:
    told = in_envelopes([reported(), recategorised("L05"), moved("triaged"), recategorised("P0101")])
    for message in told:
        await points.deliver(message)
    forget_deliveries(store)
    for message in told:
        assert await points.deliver(message) is Received.DONE
    assert Ledger.of(store).told("anna") == [("pending", "hazard_first", 5, "triaged")]


async def test_new_rules_pay_what_is_resolved_from_now_on_and_nothing_more_for_the_past(
    points: Points, store: MemoryTransactor
) -> None:
    await points.hear(reported(), joined(), resolved(reported(), joined()))
    generous = replace(TARIFF, version="2026-2", first=replace(TARIFF.first, rule="hazard_finder", points=50))
    points.rules = StubRules(generous)
    await points.hear(joined("carl"), resolved(reported(), joined(), joined("carl"), cycle=2))
    assert Ledger.of(store).balances() == {"anna": (5, 0), "bert": (1, 0)}
    other = reported(incident="two")
    await points.hear(other, resolved(other, incident="two"))
    assert Ledger.of(store).lines("anna")[1].rule_version == "2026-2"
    assert Ledger.of(store).balances()["anna"] == (55, 0)


def test_the_sample_reference_data_pay_what_the_domain_says() -> None:
    rules = ReferenceRules(load(REFERENCE))
    others = [joined(name, at=NINE + HOUR) for name in ("bert", "carl", "dora", "emil")]
    usual = fact_of_resolution(resolved(reported(), *others), rules)
    urgent = fact_of_resolution(resolved(reported(), *others, severity="E"), rules)
    assert [(a.rider, a.points) for a in due(usual, rules.tariffs(BEIDAJIE))] == [
        ("anna", 5),
        ("bert", 1),
        ("carl", 1),
        ("dora", 1),
    ]
    assert [a.points for a in due(urgent, rules.tariffs(BEIDAJIE))] == [10, 3, 3, 3]
    fixed = replace(usual, how=fact_of_resolution(resolved(reported(), how="self_fixed"), rules).how)
    assert [(a.rule, a.points) for a in due(fixed, rules.tariffs(BEIDAJIE))] == [("hazard_self_fixed", 1)]
    with pytest.raises(LookupError, match="gb30428:X99"):
        rules.activity("gb30428", "X99")
