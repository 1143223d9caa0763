"""No sequence of decisions, reporters' words, departments' updates and time leaves the tables."""

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatch import decisions as d
from services.dispatch.decisions import On
from services.dispatch.domain import happening, updates, voices
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Happened, Incident, NotAllowed, Note, Resolved, StateChanged, Told, number
from services.dispatch.domain.settling import Terms
from services.dispatch.domain.states import OPEN_ORDERS, ORDER_TRANSITIONS, OVER, State, Who, find_transition
from services.dispatch.domain.updates import Update, UpdateRefused
from services.dispatch.domain.voices import Voice
from shared.errors import Invalid
from tests.support.dispatching import LIMIT, RECEIVED, WEEK, StubRules, dispatched

TERMS = Terms(LIMIT, WEEK, frozenset({"water", "drainage", "fire"}), Limit(5, Unit.WORKING_DAYS))
V = {"expected_version": 1}
FORMS: tuple[d.Decision, ...] = (
    d.Ask(**V, question="?"),
    d.Answer(**V, reason="x"),
    d.Reject(**V, reason="x"),
    d.DecideAppeal(**V, granted=True, reason="x"),
    d.DecideAppeal(**V, granted=False, reason="x"),
    d.NoAction(**V, reason="x"),
    d.Reopen(**V, reason="x", departments=("fire",)),
    d.MakeSafe(**V, reason="x"),
    d.Park(**V, reason="x", until=RECEIVED + timedelta(days=60)),
    d.Unpark(**V, reason="x"),
    d.CorrectPlace(**V, place=d.PlaceIn(lng=113.58, lat=37.857, crs="wgs84"), reason="x"),
    d.Triage(**V, severity=Priority.U, reason="x"),
    *(d.Withdraw(**V, order=f"inc.{n}", reason="x") for n in (1, 2, 3)),
    *(d.Verify(**V, order=f"inc.{n}") for n in (1, 2)),
    d.DecideExtension(**V, order="inc.1", granted=True, reason="x"),
)
Outcome = tuple[Incident, list[Happened]]
Step = Callable[[Incident, datetime], Outcome]


def decided(form: d.Decision) -> Step:
    def step(case: Incident, at: datetime) -> Outcome:
        return number(*form.act(case, On("staff:s1", at, TERMS, StubRules())))

    return step


def said(kind: str) -> Step:
    def step(case: Incident, at: datetime) -> Outcome:
        return voices.hear(case, Voice(kind, Note(at, "rider-1", "r1", kind, "x")), at, TERMS)

    return step


def updated(kind: str, index: int) -> Step:
    def step(case: Incident, at: datetime) -> Outcome:
        order = case.orders[min(index, len(case.orders) - 1)]
        more = {"reason": "x", "suggested_department": "drainage", "extension_until": at + timedelta(hours=1)}
        safe = {"temporary_safe": index == 0, "evidence": ("p",)}
        update = Update(f"u{at}", order.department, order.id, order.seq, kind, at, **more, **safe)  # type: ignore[arg-type]
        return updates.apply(case, update, at, TERMS)

    return step


def ticked(case: Incident, at: datetime) -> Outcome:
    return happening.happen(case, at, WEEK)


STEPS = st.one_of(
    st.sampled_from(FORMS).map(decided),
    st.sampled_from(sorted(voices._KINDS)).map(said),
    st.builds(
        updated, st.sampled_from(["accepted", "returned", "progress", "done", "extension_asked"]), st.integers(0, 2)
    ),
    st.just(ticked),
)


def check(before: Incident, after: Incident, happened: list[Happened]) -> None:
    state = before.state
    for event in happened:
        if isinstance(event, StateChanged):
            assert event.before is state
            told_again = event.before is event.after is State.REJECTED
            assert told_again or any(find_transition(state, event.after, who) for who in Who)
            state = event.after
    assert state is after.state
    for order in before.orders:
        now = after.order(order.id)
        assert now is not None
        way = {now.state} | {
            middle for middle in ORDER_TRANSITIONS[order.state] if now.state in ORDER_TRANSITIONS[middle]
        }
        assert now.state is order.state or way & ORDER_TRANSITIONS[order.state]
        told = [event.seq for event in happened if isinstance(event, Told) and event.order == order.id]
        assert told == list(range(order.seq + 1, now.seq + 1))
    open_orders = [order for order in after.orders if order.state in OPEN_ORDERS]
    assert not (after.state in (*OVER, State.RESOLVED) and open_orders)
    assert len({order.department for order in open_orders}) == len(open_orders)
    assert (after.pause is not None) is (after.state in (State.NEEDS_INFO, State.PARKED))
    assert (after.resolved_at is not None) or after.state is not State.RESOLVED
    assert len([event for event in happened if isinstance(event, Resolved)]) <= 1
    assert after.history[: len(before.history)] == before.history


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(1, 3 * 24 * 60)), min_size=1, max_size=14))
def test_no_sequence_leaves_the_tables(steps: list[tuple[Step, int]]) -> None:
    case, at = dispatched("water"), RECEIVED
    for step, minutes in steps:
        at += timedelta(minutes=minutes)
        try:
            after, happened = step(case, at)
        except (NotAllowed, UpdateRefused, Invalid):
            continue
        check(case, after, happened)
        case = after
