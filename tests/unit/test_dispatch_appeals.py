"""A department appeals against a deadline: the lead answers once, the fact stays, the figures leave it out if he grants it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.dispatch.domain import appealing
from services.dispatch.domain.cases import Case, Outcome, outcome
from services.dispatch.domain.incident import Incident, NotAllowed, Order, Told
from services.dispatch.domain.states import OrderState
from tests.support.dispatching import RECEIVED, dispatched

LATER = RECEIVED + timedelta(days=30)


def first(incident: Incident) -> Order:
    return incident.orders[0]


def appealed(incident: Incident | None = None) -> Incident:
    offered = incident or dispatched("water")
    return appealing.appeal(offered, first(offered), RECEIVED, "暴雨")[0]


def test_an_appeal_changes_no_clock_and_waits_visibly() -> None:
    before, after = dispatched("water"), appealed()
    assert first(after).due_at == first(before).due_at
    assert (first(after).appeal is not None, after.flags[-1]) == (True, "deadline_appealed")
    assert after.history[:-1] == before.history
    assert outcome(Case(after, first(after)), LATER) is Outcome.LATE


def test_granted_it_leaves_the_figures_and_the_department_is_told() -> None:
    asked = appealed()
    granted, told = appealing.excuse(asked, first(asked), "lead:l1", LATER, "属实")
    assert outcome(Case(granted, first(granted)), LATER) is Outcome.EXCUSED
    assert first(granted).due_at == first(asked).due_at
    assert told == [Told("correct", "inc.1", reason="属实")]
    assert granted.flags == dispatched("water").flags
    assert (granted.history[-1].what, granted.history[-1].actor) == ("order inc.1: deadline excused", "lead:l1")


def test_refused_it_counts_and_cannot_be_asked_again() -> None:
    asked = appealed()
    refused, told = appealing.refuse(asked, first(asked), "lead:l1", LATER, "当天无雨")
    assert outcome(Case(refused, first(refused)), LATER) is Outcome.LATE
    assert told == [Told("correct", "inc.1", reason="当天无雨")]
    appeal = first(refused).appeal
    assert appeal is not None
    assert (appeal.reason, appeal.granted, appeal.answer) == ("暴雨", False, "当天无雨")
    for again in (appealed, lambda one: appealing.refuse(one, first(one), "lead:l1", LATER, "x")):
        with pytest.raises(NotAllowed):
            again(refused)


def test_the_flag_stays_while_another_appeal_waits() -> None:
    both = appealed(dispatched("water", "fire"))
    both = appealing.appeal(both, both.orders[1], RECEIVED, "断电")[0]
    one, _ = appealing.excuse(both, both.orders[0], "lead:l1", LATER, "属实")
    assert "deadline_appealed" in one.flags
    none, _ = appealing.refuse(one, one.orders[1], "lead:l1", LATER, "不属实")
    assert "deadline_appealed" not in none.flags


def test_without_an_appeal_it_may_be_excused_and_nobody_is_told() -> None:
    offered = dispatched("water")
    assert appealing.excuse(offered, first(offered), "lead:l1", LATER, "系统故障")[1] == []
    with pytest.raises(NotAllowed):
        appealing.refuse(offered, first(offered), "lead:l1", LATER, "x")


@pytest.mark.parametrize("state", [OrderState.RETURNED, OrderState.WITHDRAWN])
def test_a_deadline_that_counts_for_nobody_is_not_appealed(state: OrderState) -> None:
    offered = dispatched("water")
    with pytest.raises(NotAllowed, match=state):
        appealing.appeal(offered, replace(first(offered), state=state), RECEIVED, "x")
