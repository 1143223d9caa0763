"""What departments may say about their orders, and every way in which they are refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import (
    Incident,
    Order,
    OrderChanged,
    Resolved,
    StateChanged,
    Told,
    all_came_back,
    is_resolved,
)
from services.dispatch.domain.settling import Terms
from services.dispatch.domain.states import FINISHED_ORDERS, OPEN_ORDERS, OrderState, State
from services.dispatch.domain.updates import Update, UpdateRefused, apply
from tests.support.dispatching import LIMIT, RECEIVED, WEEK, dispatched, update, words

NOW = RECEIVED + timedelta(minutes=1)


def order(case: Incident, id_: str = "inc.1") -> Order:
    found = case.order(id_)
    assert found is not None
    return found


def after(case: Incident, *updates: Update) -> Incident:
    for one in updates:
        case, _ = apply(case, one, NOW)
    return case


def refusal(case: Incident, wish: Update) -> tuple[str, str]:
    with pytest.raises(UpdateRefused) as refused:
        apply(case, wish, NOW)
    return refused.value.code, str(refused.value)


def test_the_first_acceptance_brings_the_incident_on_its_way_and_the_second_does_not() -> None:
    case, happened = apply(dispatched("water", "drainage"), update("accepted"), NOW)
    assert (case.state, order(case).state, order(case).accepted_at) == (State.IN_PROGRESS, OrderState.ACCEPTED, NOW)
    assert order(case, "inc.2").state is OrderState.OFFERED
    assert words(happened) == ["accepted", "in_progress", "ack"]
    case, happened = apply(case, update("accepted", "drainage", "inc.2"), NOW)
    assert words(happened) == ["accepted", "ack"]


@pytest.mark.parametrize("kind", ["accepted", "returned", "progress", "done", "extension_asked"])
def test_only_that_department_acts_and_learns_nothing_about_the_orders_of_others(kind: str) -> None:
    case = dispatched("water", "drainage")
    not_mine = refusal(case, update(kind, "drainage", "inc.1"))
    not_there = refusal(case, update(kind, "drainage", "inc.9"))
    assert not_mine[0] == not_there[0] == "unknown_order"
    assert not_mine[1].replace("inc.1", "?") == not_there[1].replace("inc.9", "?")


def test_done_without_evidence_is_refused_where_an_after_photo_is_needed() -> None:
    assert refusal(dispatched("water"), update("done", evidence=()))[0] == "evidence_missing"
    relaxed = replace(dispatched("water"), photo_required=False)
    assert after(relaxed, update("done", evidence=())).state is State.RESOLVED


def test_done_straight_from_the_offer_implies_accepted() -> None:
    case, happened = apply(dispatched("water"), update("done"), NOW)
    done = order(case)
    assert (done.state, done.accepted_at, done.done_at, done.evidence) == (OrderState.DONE, NOW, NOW, ("after",))
    assert words(happened) == ["accepted", "in_progress", "done", "resolved", "resolved", "ack"]
    assert [e.after for e in happened if isinstance(e, StateChanged)] == [State.IN_PROGRESS, State.RESOLVED]


def test_done_keeps_the_time_at_which_it_was_accepted() -> None:
    case, _ = apply(dispatched("water"), update("accepted"), NOW)
    case, _ = apply(case, update("done", seen=2), NOW + timedelta(hours=1))
    assert (order(case).accepted_at, order(case).done_at) == (NOW, NOW + timedelta(hours=1))


@pytest.mark.parametrize("reason", [None, ""])
def test_a_return_needs_a_reason(reason: str | None) -> None:
    assert refusal(dispatched("water"), update("returned", reason=reason))[0] == "reason_missing"


def test_a_return_keeps_reason_and_suggestion_and_brings_a_single_order_back_to_triage() -> None:
    wish = update("returned", reason="not our pipe", suggested_department="drainage")
    case, happened = apply(dispatched("water"), wish, NOW)
    back = order(case)
    assert (case.state, back.state) == (State.TRIAGED, OrderState.RETURNED)
    assert (back.reason, back.suggested_department) == ("not our pipe", "drainage")
    assert OrderChanged("returned", "inc.1", "not our pipe") in happened
    assert words(happened) == ["returned", "triaged", "ack"]


def test_a_second_done_is_refused_whatever_it_saw() -> None:
    case = after(dispatched("water", "drainage"), update("done"))
    assert order(case).seq == 2
    assert refusal(case, update("done", seen=1))[0] == "stale"
    assert refusal(case, update("done", seen=2)) == ("not_allowed", "the order is done and cannot become done")


@pytest.mark.parametrize("kind", ["accepted", "returned", "progress", "done", "extension_asked"])
@pytest.mark.parametrize("ending", ["done", "returned"])
def test_an_ended_order_takes_nothing_any_more(ending: str, kind: str) -> None:
    case = after(dispatched("water", "drainage"), update(ending, reason="why"))
    more: dict[str, Any] = {"reason": "why", "extension_until": NOW + timedelta(days=1)}
    assert refusal(case, update(kind, seen=2, **more))[0] == "not_allowed"
    assert refusal(case, update(kind, seen=1, **more))[0] == "stale"


def test_who_has_not_read_the_last_message_of_an_open_order_may_still_act() -> None:
    """The acknowledgement crosses the next update on its way; only what was never sent cannot have been read."""
    case = after(dispatched("water"), update("accepted"))
    assert order(case).seq == 2
    assert after(case, update("progress", seen=1)).order("inc.1")
    assert refusal(case, update("progress", seen=3))[0] == "stale"
    assert refusal(dispatched("water"), update("accepted", seen=2))[0] == "stale"


def test_accepting_twice_or_working_before_accepting_is_refused() -> None:
    assert refusal(dispatched("water"), update("progress"))[0] == "not_allowed"
    accepted = after(dispatched("water"), update("accepted"))
    assert refusal(accepted, update("accepted", seen=2))[0] == "not_allowed"
    working = after(accepted, update("progress", seen=2))
    assert order(working).state is OrderState.WORKING
    assert refusal(working, update("accepted", seen=3))[0] == "not_allowed"


def test_progress_is_a_line_of_the_history_each_time() -> None:
    case = after(dispatched("water"), update("accepted"), update("progress", seen=2, reason="valve closed"))
    case, happened = apply(case, update("progress", seen=3, reason="pipe dug out"), NOW)
    assert [line.reason for line in case.history[-2:]] == ["valve closed", "pipe dug out"]
    assert words(happened) == ["ack"]
    assert case.state is State.IN_PROGRESS


def extension(**more: Any) -> Update:
    return update("extension_asked", **{"reason": "frost", "extension_until": NOW + timedelta(days=2), **more})


def test_asking_for_time_is_noted_and_moves_no_deadline() -> None:
    before = dispatched("water")
    case, happened = apply(before, extension(), NOW)
    assert order(case).extension_asked_until == NOW + timedelta(days=2)
    assert (order(case).due_at, order(case).state, case.state) == (
        order(before).due_at,
        OrderState.OFFERED,
        before.state,
    )
    asked = OrderChanged("extension", "inc.1", "frost", until=NOW + timedelta(days=2), extension="asked")
    assert asked in happened


@pytest.mark.parametrize("missing", [{"reason": None}, {"reason": ""}, {"extension_until": None}])
def test_asking_for_time_needs_a_reason_and_a_time(missing: dict[str, Any]) -> None:
    assert refusal(dispatched("water"), extension(**missing))[0] == "reason_missing"


def test_asking_for_time_is_possible_until_the_deadline_and_never_after_it() -> None:
    case = dispatched("water")
    due_at = order(case).due_at
    assert apply(case, extension(at=due_at), due_at)
    with pytest.raises(UpdateRefused, match="before the deadline"):
        apply(case, extension(at=due_at - timedelta(hours=1)), due_at + timedelta(milliseconds=1))


def test_scenario_32_a_slow_clock_is_noted_and_the_server_decides() -> None:
    slow = update("done", at=NOW - timedelta(minutes=10))
    assert slow.at < RECEIVED  # before the offer
    case, _ = apply(dispatched("water"), slow, NOW)
    assert (order(case).state, order(case).done_at) == (OrderState.DONE, NOW)
    notes = [line for line in case.history if "clock_skew" in line.what]
    assert [line.at for line in notes] == [NOW]
    assert slow.at.isoformat() in notes[0].what


@pytest.mark.parametrize(("minutes", "noted"), [(-3, True), (-2, False), (0, False), (2, False), (3, True)])
def test_clocks_may_differ_by_two_minutes(minutes: int, noted: bool) -> None:
    case, _ = apply(dispatched("water"), update(at=NOW + timedelta(minutes=minutes)), NOW)
    assert any("clock_skew" in line.what for line in case.history) is noted


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ("done", "done", State.RESOLVED),
        ("done", "returned", State.RESOLVED),
        ("returned", "done", State.RESOLVED),
        ("returned", "returned", State.TRIAGED),
        ("done", "accepted", State.IN_PROGRESS),
        ("returned", "accepted", State.IN_PROGRESS),
    ],
)
def test_resolved_exactly_when_no_order_is_open_and_one_is_done(first: str, second: str, state: State) -> None:
    case = after(dispatched("water", "drainage"), update(first, reason="why"))
    assert case.state in (State.DISPATCHED, State.IN_PROGRESS)
    assert case.resolved_at is None
    case, happened = apply(case, update(second, "drainage", "inc.2", reason="why"), NOW)
    assert case.state is state
    assert (Resolved() in happened) is (state is State.RESOLVED)
    assert case.resolved_at == (NOW if state is State.RESOLVED else None)


@pytest.mark.parametrize("second", OrderState)
@pytest.mark.parametrize("first", OrderState)
def test_the_rule_for_resolved_over_all_pairs_of_states_and_cycles(first: OrderState, second: OrderState) -> None:
    case = dispatched("water", "drainage")
    one, two = (replace(o, state=s) for o, s in zip(case.orders, (first, second), strict=True))
    states = {first, second}
    both = replace(case, orders=(one, two))
    assert is_resolved(both) is (not states & OPEN_ORDERS and bool(states & FINISHED_ORDERS))
    assert all_came_back(both) is (states <= {OrderState.RETURNED, OrderState.WITHDRAWN})
    # what was done in the first cycle does not resolve the second
    reopened = replace(case, cycle=2, orders=(one, replace(two, cycle=2)))
    assert is_resolved(reopened) is (not states & OPEN_ORDERS and second in FINISHED_ORDERS)
    assert all_came_back(reopened) is (second in (OrderState.RETURNED, OrderState.WITHDRAWN))


def test_what_a_department_is_told_counts_up_per_order_without_a_gap() -> None:
    case = dispatched("water", "drainage")
    told: list[Told] = []
    for wish in (
        update("accepted"),
        update("accepted", "drainage", "inc.2"),
        update("progress", seen=2),
        update("done", seen=3),
        update("done", "drainage", "inc.2", seen=2),
    ):
        case, happened = apply(case, wish, NOW)
        told += [event for event in happened if isinstance(event, Told)]
    assert [(t.order, t.seq, t.update_id) for t in told] == [
        ("inc.1", 2, "u-accepted-1"),
        ("inc.2", 2, "u-accepted-1"),
        ("inc.1", 3, "u-progress-2"),
        ("inc.1", 4, "u-done-3"),
        ("inc.2", 3, "u-done-2"),
    ]
    assert [o.seq for o in case.orders] == [4, 3]


def test_a_refused_update_changes_nothing() -> None:
    case = dispatched("water")
    refusal(case, update("done", evidence=(), at=NOW - timedelta(hours=1)))
    assert case == dispatched("water")


def test_scenario_27_made_safe_the_emergency_clock_stops_and_the_repair_has_its_own() -> None:
    terms = Terms(LIMIT, WEEK, frozenset({"water"}), repair=Limit(5, Unit.WORKING_DAYS))
    case = after(dispatched("water", priority=Priority.E), update("accepted"))
    emergency = order(case).due_at
    barrier = update("progress", seen=2, reason="围挡 barrier placed", temporary_safe=True)
    case, happened = apply(case, barrier, NOW, terms)
    assert (case.state, order(case).state) == (State.TEMPORARY_SAFE, OrderState.WORKING)
    assert order(case).due_at > emergency + timedelta(days=4)
    (changed,) = [event for event in happened if isinstance(event, StateChanged)]
    assert (changed.after, changed.reason, changed.photo_ids) == (State.TEMPORARY_SAFE, barrier.reason, ("after",))
    case, _ = apply(case, update("done", seen=3), NOW, terms)
    assert case.state is State.RESOLVED


@pytest.mark.parametrize(("reason", "repair", "code"), [(None, 5, "reason_missing"), ("x", None, "not_allowed")])
def test_safety_needs_a_word_and_a_category_that_has_it(reason: str | None, repair: int | None, code: str) -> None:
    limit = Limit(repair, Unit.WORKING_DAYS) if repair else None
    terms = Terms(LIMIT, WEEK, frozenset(), repair=limit)
    case = after(dispatched("water"), update("accepted"))
    with pytest.raises(UpdateRefused) as refused:
        apply(case, update("progress", seen=2, reason=reason, temporary_safe=True), NOW, terms)
    assert refused.value.code == code
