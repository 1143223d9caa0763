"""The nine rules over a hand-made snapshot: clean, nothing at all, and each broken on purpose."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from ops.check.finding import NOTHING
from ops.check.narrowing import about
from ops.check.rules import RULES, judge
from ops.check.snapshot import RETAINED, Event, Held, Snapshot, Waiting, incident_of
from services.dispatch.domain.ladder import Fired, Level
from services.dispatch.domain.states import State
from services.notify.domain.templates import Text
from services.points.domain.entry import Kind
from shared.contracts.envelope import Envelope, Message, encode
from shared.contracts.incident_changed import IncidentChanged
from shared.ids import report_id
from tests.support.modelling import NOW, SUBDISTRICT, Model, whole_story

Item = TypeVar("Item")
Corrupt = Callable[[Snapshot], Snapshot]


@pytest.fixture(scope="module")
async def clean() -> Snapshot:
    return await whole_story()


def test_a_whole_story_is_clean(clean: Snapshot) -> None:
    assert clean.unsettled() == []
    assert red(clean) == {}
    assert all(finding.counted for finding in judge(clean))


def test_one_incident_of_it_is_clean(clean: Snapshot) -> None:
    one = about(clean, ["inc-1"])
    assert [report.incident for report in one.reports] == ["inc-1"]
    assert red(one) == {}


def test_a_rule_that_counted_nothing_is_red() -> None:
    found = judge(Snapshot(NOW))
    assert [finding.rule for finding in found] == [*range(1, 10)]
    assert all(finding.violations == (NOTHING,) and not finding.clean for finding in found)


def first(items: Sequence[Item], **changes: Any) -> tuple[Item, ...]:
    """The first one changed."""
    head: Any = items[0]
    return (replace(head, **changes), *items[1:])


def other_client_key(clean: Snapshot) -> Snapshot:
    return replace(clean, reports=first(clean.reports, client_key="another"))


def stored_twice(clean: Snapshot) -> Snapshot:
    return replace(clean, reports=(*clean.reports, clean.reports[0]))


def without_incident(clean: Snapshot) -> Snapshot:
    return replace(clean, opened=first(clean.opened, reports=("r",)))


def went_out_while_waiting(clean: Snapshot) -> Snapshot:
    return replace(clean, reports=first(clean.reports, told=False))


def waits_too_long(clean: Snapshot) -> Snapshot:
    long_ago = clean.taken_at - timedelta(minutes=12)
    return replace(clean, reports=first(clean.reports, told=False, received_at=long_ago))


def not_triaged(clean: Snapshot) -> Snapshot:
    return replace(clean, dispatched=first(clean.dispatched, state=State.REPORTED))


def told_to_another(clean: Snapshot) -> Snapshot:
    return _moved(clean, "dispatch.water", lambda event: replace(event, topic="dispatch.fire"))


def told_once_less(clean: Snapshot) -> Snapshot:
    incident = clean.dispatched[0]
    orders = (replace(incident.orders[0], seq=incident.orders[0].seq + 1),)
    return replace(clean, dispatched=first(clean.dispatched, orders=orders))


def fired_twice(clean: Snapshot) -> Snapshot:
    order = clean.dispatched[0].orders[0]
    fired = Fired(Level.REMINDER, NOW, NOW)
    return replace(clean, dispatched=first(clean.dispatched, orders=(replace(order, fired=(fired, fired)),)))


def fired_early(clean: Snapshot) -> Snapshot:
    order = clean.dispatched[0].orders[0]
    fired = Fired(Level.REMINDER, NOW, NOW - timedelta(seconds=1))
    return replace(clean, dispatched=first(clean.dispatched, orders=(replace(order, fired=(fired,)),)))


def not_processed(clean: Snapshot) -> Snapshot:
    rows = clean.inbox["notify"]
    lost = {row for row in rows if row.startswith("incident-resolved|") and row.endswith(":inc-1:1")}
    assert lost
    return replace(clean, inbox={**clean.inbox, "notify": rows - lost})


def paid_unresolved(clean: Snapshot) -> Snapshot:
    lines = clean.dispatched[0].history
    return replace(clean, dispatched=first(clean.dispatched, history=lines[:-1]))


def one_point_more(clean: Snapshot) -> Snapshot:
    return replace(clean, passbooks=first(clean.passbooks, balance=clean.passbooks[0].balance + 1))


def another_reason(clean: Snapshot) -> Snapshot:
    return replace(clean, entries=first(clean.entries, reason="because"))


def no_last_entry(clean: Snapshot) -> Snapshot:
    return replace(clean, entries=tuple(entry for entry in clean.entries if entry.number < len(clean.entries)))


def unpublished_award(clean: Snapshot) -> Snapshot:
    """The event says another entry than the ledger has."""
    posted = next(entry for entry in clean.entries if entry.kind is Kind.POST)
    changed = tuple(replace(entry, id="award:x") if entry is posted else entry for entry in clean.entries)
    return replace(clean, entries=changed)


def a_gap(clean: Snapshot) -> Snapshot:
    def later(event: Event) -> Event:
        envelope = event.message.envelope
        return replace(event, message=Message(replace(envelope, sequence=envelope.sequence + 10), event.data))

    return _moved(clean, "dispatch.water", later)


def no_end(clean: Snapshot) -> Snapshot:
    roots = tuple(
        replace(root, sequences={**root.sequences, "incident-reported": 2}) if root.service == "intake" else root
        for root in clean.roots
    )
    return replace(clean, roots=roots)


def parked(clean: Snapshot) -> Snapshot:
    return replace(clean, outbox=(Waiting("intake", "row", "incident-reported", "inc-9", "too large"),))


def other_bytes(clean: Snapshot) -> Snapshot:
    return replace(clean, buried=first(clean.buried, value=b"other"))


def no_letter(clean: Snapshot) -> Snapshot:
    gone = clean.letters[0]
    buried = tuple(one for one in clean.buried if one.consumer != gone.service)
    return replace(clean, letters=clean.letters[1:], buried=buried)


def not_on_dlq(clean: Snapshot) -> Snapshot:
    return replace(clean, buried=clean.buried[1:])


def dead_without_letter(clean: Snapshot) -> Snapshot:
    return replace(clean, held=(Held("points", "incident-reported|inc-9", "dead", "incident-reported/0/99"),))


def no_english(clean: Snapshot) -> Snapshot:
    return replace(clean, messages=first(clean.messages, en=Text("", "", "")))


def lost_message(clean: Snapshot) -> Snapshot:
    return replace(clean, messages=clean.messages[1:])


def told_twice(clean: Snapshot) -> Snapshot:
    told = clean.messages[0]
    copy = replace(told.to[0], sequence=next(r.last for r in clean.recipients if r.id == told.to[0].audience) + 1)
    recipients = tuple(
        replace(inbox, last=copy.sequence) if inbox.id == copy.audience else inbox for inbox in clean.recipients
    )
    return replace(clean, messages=first(clean.messages, to=(*told.to, copy)), recipients=recipients)


def told_to_a_stranger(clean: Snapshot) -> Snapshot:
    told = clean.messages[0]
    copy = replace(told.to[0], audience="rider:stranger", sequence=1)
    stranger = replace(clean.recipients[0], id="rider:stranger", last=1)
    messages = first(clean.messages, to=(*told.to, copy))
    return replace(clean, messages=messages, recipients=(*clean.recipients, stranger))


def a_step_less(clean: Snapshot) -> Snapshot:
    return replace(clean, statuses=first(clean.statuses, steps=clean.statuses[0].steps[1:]))


def case_forgotten(clean: Snapshot) -> Snapshot:
    return replace(clean, cases=clean.cases[1:])


def fact_forgotten(clean: Snapshot) -> Snapshot:
    return replace(clean, paid=first(clean.paid, resolved=None))


@pytest.mark.parametrize(
    ("rule", "corrupt", "phrase"),
    [
        (1, other_client_key, "does not follow"),
        (1, stored_twice, "2 times"),
        (1, without_incident, "does not know it"),
        (1, went_out_while_waiting, "has 1 incident-reported events"),
        (1, waits_too_long, "has waited for its photos"),
        (2, not_triaged, "neither triaged nor offered"),
        (2, told_to_another, "was told to dispatch.fire"),
        (2, told_once_less, "4 were sent"),
        (3, not_processed, "notify has not processed"),
        (3, paid_unresolved, "paid without a resolution"),
        (4, one_point_more, "its entries give"),
        (4, another_reason, "is not what its digest was made of"),
        (4, no_last_entry, "entries give"),
        (4, unpublished_award, "there is no points-awarded"),
        (5, a_gap, "numbered 11, 2, 3"),
        (5, no_end, "ends at 1, 2 were put"),
        (5, parked, "can never be sent"),
        (6, other_bytes, "other bytes"),
        (6, no_letter, "is no dead letter of"),
        (6, not_on_dlq, ".dlq does not have it"),
        (6, dead_without_letter, "without a dead letter"),
        (7, fired_twice, "is kept 2 times"),
        (7, fired_early, "fired at"),
        (8, no_english, "no text in en"),
        (8, lost_message, "is missing"),
        (8, told_twice, "stands there 2 times"),
        (8, told_to_a_stranger, "to be told to nobody there"),
        (9, a_step_less, "intake shows it otherwise"),
        (9, case_forgotten, "notify does not know it"),
        (9, fact_forgotten, "points shows it otherwise"),
    ],
)
def test_a_deliberate_corruption_turns_its_rule_red(clean: Snapshot, rule: int, corrupt: Corrupt, phrase: str) -> None:
    found = red(corrupt(clean))
    # a message on another topic is missing at the end of its own; everything else breaks one rule alone
    assert [*found] == ([2, 5] if corrupt is told_to_another else [rule])
    assert any(phrase in violation for violation in found[rule]), found[rule]


def test_a_report_that_waits_for_its_photos_has_no_event_yet(clean: Snapshot) -> None:
    waiting = replace(clean.reports[0], id=report_id("rider-w", "key-w"), incident="inc-w", told=False)
    waiting = replace(waiting, rider="rider-w", client_key="key-w", received_at=clean.taken_at)
    opened = replace(clean.opened[0], id="inc-w", reports=(waiting.id,), opened_by=waiting.id)
    whole = replace(clean, reports=(*clean.reports, waiting), opened=(*clean.opened, opened))
    assert red(whole) == {}


@pytest.mark.parametrize(("minutes", "early"), [(-1, True), (0, False)])
async def test_rule_7_levels_fire_once_and_never_early(minutes: int, early: bool) -> None:
    model = Model()
    model.report("anna", "inc-1")
    order = (await model.snapshot()).dispatched[0].orders[0]
    fields = {name: getattr(order, name) for name in ("id", "department", "accept_by", "due_at")}
    data = IncidentChanged.model_validate(
        {
            "subdistrict": SUBDISTRICT,
            "kind": "escalated",
            "incident": "inc-1",
            "code": "7K3M-9QXA",
            "actor_kind": "system",
            "level": "accept_missed",
            "order": {**fields, "state": "offered"},
        }
    )
    at = order.accept_by + timedelta(minutes=minutes)
    for sequence in (4, 5) if early else (4,):
        envelope = Envelope(
            id=f"incident-changed:inc-1:9:{sequence}",
            type=data.TYPE,
            source=f"/{SUBDISTRICT}/dispatch",
            subject="inc-1",
            time=at,
            recorded_time=at,
            partition_key="inc-1",
            sequence=sequence,
            cycle=1,
            correlation_id="c",
            causation_id=None,
            actor="system:dispatch",
            traceparent=None,
        )
        model.put("incident-changed", "inc-1", *encode(Message(envelope, data)))
    found = [finding for finding in judge(await model.snapshot()) if finding.rule == 7]
    assert found[0].counted == 1
    assert any("was told and has not fired" in violation for violation in found[0].violations)
    assert sum("before" in violation for violation in found[0].violations) == (2 if early else 0)
    assert sum("2 times" in violation for violation in found[0].violations) == early


def test_what_left_its_topic_with_age_is_no_violation(clean: Snapshot) -> None:
    """After the retention of the topics only the documents are left."""
    old = replace(
        clean, taken_at=NOW + RETAINED + timedelta(days=1), events=(), deliveries=(), garbage=frozenset(), buried=()
    )
    shortened = frozenset((event.topic, event.partition) for event in clean.events)
    found = red(replace(old, shortened=shortened))
    assert {violation for violations in found.values() for violation in violations} == {NOTHING}


def test_what_left_its_topic_in_part_is_no_violation_either(clean: Snapshot) -> None:
    """Of the rider's two stories the first is beyond retention, the second is not."""
    kept = tuple(event for event in clean.events if incident_of(event.data) != "inc-1")
    shortened = frozenset((event.topic, event.partition) for event in clean.events)
    old = replace(clean, taken_at=NOW + RETAINED + timedelta(days=1), events=kept, shortened=shortened)
    assert red(old) == {}
    assert 5 in red(replace(old, shortened=frozenset()))


def test_what_others_were_told_of_another_incident_is_left_out(clean: Snapshot) -> None:
    told = next(told for told in clean.messages if told.incident == "inc-2" and told.template == "fixed")
    copies = (*told.to, replace(told.to[0], audience="rider:carl", sequence=1))
    messages = tuple(replace(told, to=copies) if one is told else one for one in clean.messages)
    one = about(replace(clean, messages=messages), ["inc-1"])
    assert [inbox.id for inbox in one.recipients if inbox.id == "rider:anna"]
    assert red(one) == {}


def test_what_is_still_on_its_way_is_named(clean: Snapshot) -> None:
    waiting = Waiting("intake", "row", "incident-reported", "inc-9", None)
    retried = Held("points", "incident-reported|inc-9", "retrying", "incident-reported/0/99")
    behind = {**clean.committed, ("dispatch", "incident-reported", 0): 2}
    moving = replace(clean, outbox=(waiting,), held=(retried,), committed=behind)
    assert moving.unsettled() == [
        "intake: row waits in the outbox",
        "points: incident-reported|inc-9 is tried again",
        "dispatch: incident-reported/0/2 was not taken yet",
    ]


def test_rules_are_numbered_as_in_the_contract() -> None:
    assert [rule.number for rule in RULES] == [*range(1, 10)]


def test_what_is_not_an_incident_s_needs_no_resolution_but_is_paid_once(clean: Snapshot) -> None:
    line = replace(clean.entries[0], id="a", kind=Kind.POST, incident="", about="a1")
    assert 3 not in red(replace(clean, entries=(*clean.entries, line)))
    (said,) = red(replace(clean, entries=(*clean.entries, line, replace(line, id="b"))))[3]
    assert said == f"activity a1: was paid 2 times to account {line.account}"


def red(snapshot: Snapshot) -> dict[int, tuple[str, ...]]:
    """Violations of the rules that do not hold."""
    return {finding.rule: finding.violations for finding in judge(snapshot) if not finding.clean}


def _moved(clean: Snapshot, topic: str, change: Callable[[Event], Event]) -> Snapshot:
    """The first event on a topic, changed, in its place."""
    index = next(index for index, event in enumerate(clean.events) if event.topic == topic)
    events = [*clean.events]
    events[index] = change(events[index])
    return replace(clean, events=tuple(events))
