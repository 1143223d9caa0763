"""The two state tables against the table of the domain document, row by row, and everything that is in neither."""

from itertools import product

import pytest

from ops import states
from services.dispatch.domain.incident import NotAllowed, move, move_order
from services.dispatch.domain.states import (
    FINISHED_ORDERS,
    OPEN_ORDERS,
    ORDER_TRANSITIONS,
    TRANSITIONS,
    OrderState,
    State,
    Who,
    find_transition,
)
from tests.support.dispatching import RECEIVED, dispatched, incident

S, W = State, Who

# As domain.md 4 says it, written down a second time: (from, to, who, whether a reason is needed).
DOCUMENT = """
reported triaged system,staff -
reported,triaged dispatched system,staff -
dispatched in_progress department -
triaged,dispatched,in_progress needs_info staff reason
needs_info triaged,dispatched,in_progress reporter,staff -
needs_info closed_no_action system reason
dispatched,in_progress temporary_safe department,staff reason
dispatched,in_progress,temporary_safe resolved system -
reported,triaged resolved staff reason
resolved closed system -
resolved dispatched reporter,staff reason
closed dispatched staff reason
dispatched,in_progress triaged system -
reported,triaged duplicate staff reason
reported,triaged,needs_info,dispatched rejected staff reason
rejected triaged staff reason
reported,triaged,needs_info,dispatched,in_progress,temporary_safe,parked closed_no_action staff reason
triaged,dispatched,in_progress parked lead reason
parked triaged,dispatched,in_progress system,lead -
"""


def documented() -> dict[tuple[State, State, Who], bool]:
    rows: dict[tuple[State, State, Who], bool] = {}
    for line in DOCUMENT.split("\n")[1:-1]:
        sources, targets, whos, reason = line.split()
        for source, target, who in product(sources.split(","), targets.split(","), whos.split(",")):
            rows[State(source), State(target), Who(who)] = reason == "reason"
    return rows


EXPECTED = documented()


@pytest.mark.parametrize(("source", "target"), list(product(State, State)))
def test_every_transition_is_as_documented_or_impossible(source: State, target: State) -> None:
    before = incident(source)
    for who in Who:
        if (source, target, who) not in EXPECTED:
            assert find_transition(source, target, who) is None
            with pytest.raises(NotAllowed, match=f"{source} -> {target}"):
                move(before, target, who, f"{who}:x", RECEIVED, "because")
            continue
        after, changed = move(before, target, who, f"{who}:x", RECEIVED, "because")
        assert (after.state, changed.before, changed.after, changed.reason) == (target, source, target, "because")
        line = after.history[-1]
        said = (line.at, line.actor, line.what, line.reason)
        assert said == (RECEIVED, f"{who}:x", f"{source} -> {target}", "because")
        assert len(after.history) == len(before.history) + 1


@pytest.mark.parametrize("missing", [None, ""])
def test_scenario_25_a_reason_is_required_exactly_where_it_is_documented(missing: str | None) -> None:
    for (source, target, who), needed in EXPECTED.items():
        if needed:
            with pytest.raises(NotAllowed, match="needs a reason"):
                move(incident(source), target, who, f"{who}:x", RECEIVED, missing)
        else:
            assert move(incident(source), target, who, f"{who}:x", RECEIVED, missing)[0].state is target


def test_every_row_says_why_it_is_there_and_stands_once() -> None:
    assert all(row.because for row in TRANSITIONS)
    single = [(source, row.target, who) for row in TRANSITIONS for source in row.sources for who in row.who]
    assert len(single) == len(set(single))


def test_every_state_is_reachable_from_reported_and_every_row_from_there() -> None:
    reached, before = {State.REPORTED}, set[State]()
    while reached != before:
        before = set(reached)
        reached |= {row.target for row in TRANSITIONS if row.sources & reached}
    assert reached == set(State)
    assert all(row.sources <= reached for row in TRANSITIONS)


def test_nothing_leaves_final_states_but_reopening_and_a_won_appeal() -> None:
    final = {S.DUPLICATE, S.CLOSED_NO_ACTION, S.REJECTED, S.CLOSED}
    left = {(source, row.target) for row in TRANSITIONS for source in row.sources & final}
    assert left == {(S.REJECTED, S.TRIAGED), (S.CLOSED, S.DISPATCHED)}


ORDERS = {
    OrderState.OFFERED: "accepted done returned withdrawn",
    OrderState.ACCEPTED: "working done returned withdrawn",
    OrderState.WORKING: "done returned withdrawn",
    OrderState.DONE: "verified",
    OrderState.VERIFIED: "",
    OrderState.RETURNED: "",
    OrderState.WITHDRAWN: "",
}


@pytest.mark.parametrize("target", OrderState)
@pytest.mark.parametrize("source", OrderState)
def test_an_order_moves_as_documented_or_not_at_all(source: OrderState, target: OrderState) -> None:
    case = dispatched("water", "drainage")
    (order, other) = case.orders
    order = type(order)(**{**{name: getattr(order, name) for name in order.__slots__}, "state": source})
    if target.value not in ORDERS[source].split():
        with pytest.raises(NotAllowed, match=f"is {source} and cannot become {target}"):
            move_order(case, order, target, "department:water", RECEIVED, "x")
        return
    after = move_order(case, order, target, "department:water", RECEIVED, "went on", reason="why")
    moved = after.order(order.id)
    assert moved is not None
    assert (moved.state, moved.reason, after.order(other.id)) == (target, "why", other)
    assert (after.history[-1].what, after.history[-1].reason) == ("order inc.1 went on", "why")


def test_every_order_state_is_in_the_table_and_open_or_ended() -> None:
    assert set(ORDER_TRANSITIONS) == set(OrderState)
    ended = {OrderState.RETURNED, OrderState.WITHDRAWN}
    assert OPEN_ORDERS | FINISHED_ORDERS | ended == set(OrderState)
    assert not OPEN_ORDERS & FINISHED_ORDERS
    assert not (OPEN_ORDERS | FINISHED_ORDERS) & ended


def test_the_diagrams_for_people_are_fresh() -> None:
    assert states.FILE.read_text(encoding="utf-8") == states.rendered()
