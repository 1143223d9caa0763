"""Dispatch's commands over the lane: routing, orders and their messages, resolution, refusals, the desk's assignment."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ops.reference.beidajie import DIRECTORY
from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.domain.incident import Incident, Route
from services.dispatch.domain.states import OrderState, State
from services.dispatch.handlers import AssignDepartments, ReceiveReport, ReceiveUpdate
from services.dispatch.ports import Rules
from services.dispatch.rules import ReferenceRules
from services.dispatch.store import INCIDENTS
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.dispatch_order import DispatchOrder
from shared.contracts.envelope import Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.incident_resolved import IncidentResolved
from shared.errors import Conflict, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.reference.load import load
from shared.scope import Scope
from tests.support.dispatching import PLACE, RECEIVED, StubReceipts, StubRules, report
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor

CONTEXT = Context("rider:rider-1", "story-1", "incident-reported:inc")
RECEIPT = "water.after.x"


class Desk:
    """Dispatch over a memory store."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store = store
        self.lane = lane
        self.rules: Rules = StubRules()

    async def receive(self, event: IncidentReported) -> None:
        await self.lane.submit(ReceiveReport(INCIDENTS, self.rules, event, CONTEXT))

    async def hear(
        self, kind: str, department: str = "water", order: str = "inc.1", seen: int = 1, **more: Any
    ) -> None:
        said = {"update_id": f"{department}-{kind}-{seen}", "at": NOW.isoformat(), "subdistrict": "140302003", **more}
        event = DepartmentUpdate.model_validate({**said, "order": order, "seen_seq": seen, "kind": kind})
        context = Context(f"department:{department}", event.update_id)
        await self.lane.submit(ReceiveUpdate(INCIDENTS, self.rules, StubEvidence(), department, event, context))

    async def assign(self, *departments: str, version: int, subdistrict: str = "140302003") -> tuple[Incident, int]:
        context = Context("staff:s1", "story-2")
        scope = Scope("s1", "staff:s1", subdistrict, desk=True)
        command = AssignDepartments(INCIDENTS, self.rules, "inc", scope, version, departments, "they own it", context)
        return await self.lane.submit(command)

    def incident(self, id_: str = "inc") -> Incident:
        return INCIDENTS.load(self.store.documents[INCIDENTS.ref(id_)])

    def version(self) -> int:
        return int(self.store.documents[INCIDENTS.ref("inc")]["version"])

    def events(self, topic: str) -> list[Message]:
        return [message for _, message in published(self.store, topic)]

    def told(self, department: str) -> list[DispatchOrder]:
        return [m.data for m in self.events(f"dispatch.{department}") if isinstance(m.data, DispatchOrder)]

    def changes(self) -> list[str]:
        data = [m.data for m in self.events("incident-changed")]
        return [c.to_state or c.kind for c in data if isinstance(c, IncidentChanged)]


class StubEvidence(StubReceipts):
    """`<uploader>.<photo>.x` is a receipt, anything else that the contract lets through is forged."""

    def verify(self, token: str) -> Any:
        uploader, photo, signature = token.split(".")
        return super().verify(f"{uploader}~{photo}" if signature == "x" else token)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Desk(store, lane)


async def test_a_report_is_triaged_routed_and_offered_at_once(desk: Desk) -> None:
    await desk.receive(report())
    case = desk.incident()
    assert (case.state, case.route) == (State.DISPATCHED, Route(("water",), "whoever-acts", "v1"))
    assert desk.changes() == ["triaged", "dispatched", "order_offered"]
    (offer,) = desk.told("water")
    assert (offer.kind, offer.order, offer.seq) == ("offer", "inc.1", 1)
    assert offer.work_order is not None
    assert (offer.work_order.code, offer.work_order.severity, offer.work_order.category.zh) == (
        "7K3M-9QXA",
        "N",
        "上水井盖",
    )
    assert [photo.url for photo in offer.work_order.photos] == ["/intake/v1/photos/p1"]
    assert offer.work_order.flags == ("calendar_unconfirmed",)
    assert offer.work_order.answers == ()


async def test_what_the_reporter_answered_is_asked_of_the_rules_and_told_to_the_department(desk: Desk) -> None:
    await desk.receive(report(answers=({"question": "extent", "choice": "street"},)))
    assert desk.incident().answers == {"extent": "street"}
    (offer,) = desk.told("water")
    assert offer.work_order is not None
    assert [(answer.question, answer.choice) for answer in offer.work_order.answers] == [("extent", "street")]


async def test_scenario_01_the_deadline_runs_from_the_reception_whatever_the_rider_or_our_backlog_says(
    desk: Desk,
) -> None:
    await desk.receive(report())
    (order,) = desk.incident().orders
    assert RECEIVED + timedelta(hours=1) < NOW  # heard of long after it was received
    assert order.due_at == RECEIVED + timedelta(hours=6)  # 09:40 + 4 h of work = 15:40, lunch from 12 to 14
    assert order.offered_at == NOW
    assert order.accept_by == NOW + timedelta(hours=24)  # one working day, from the offer
    (reporter,) = desk.incident().reporters
    assert (reporter.captured_at, reporter.received_at) == (RECEIVED - timedelta(minutes=99), RECEIVED)


async def test_scenario_07_an_uncertain_place_waits_in_triage_and_no_department_is_asked(desk: Desk) -> None:
    uncertain = {**PLACE, "accuracy_m": 180.0, "grid": None, "flags": ["needs_location"]}
    await desk.receive(report(place=uncertain, flags=("needs_location",)))
    case = desk.incident()
    assert (case.state, case.orders, case.route, case.community) == (State.TRIAGED, (), None, None)
    assert "needs_location" in str(case.history[-1].reason)
    assert [topic for topic, _ in published(desk.store)] == ["incident-changed"]
    assert "needs_location" in case.flags


async def test_a_rule_that_cannot_decide_leaves_the_incident_in_triage_with_its_reason(desk: Desk) -> None:
    desk.rules = StubRules(found="broken-rule: there is no department 'moon'")
    await desk.receive(report())
    case = desk.incident()
    assert (case.state, case.orders) == (State.TRIAGED, ())
    assert case.history[-1].reason == "broken-rule: there is no department 'moon'"
    (event,) = desk.events("incident-changed")
    assert isinstance(event.data, IncidentChanged)
    assert event.data.reason == "broken-rule: there is no department 'moon'"


async def test_two_departments_get_an_order_each_numbered_in_the_order_of_the_rule(desk: Desk) -> None:
    desk.rules = StubRules(found=Route(("fire", "water"), "r", "v1"))
    await desk.receive(report())
    assert [(o.id, o.department) for o in desk.incident().orders] == [("inc.1", "fire"), ("inc.2", "water")]
    assert [(t.order, t.seq) for t in desk.told("fire") + desk.told("water")] == [("inc.1", 1), ("inc.2", 1)]


async def test_the_sample_reference_data_decides_the_same_way(desk: Desk) -> None:
    desk.rules = ReferenceRules(load(DIRECTORY))
    await desk.receive(report(category={"scheme": "gb30428", "code": "E0508"}, condition="fallen"))
    case = desk.incident()
    assert [(o.id, o.department) for o in case.orders] == [("inc.1", "power"), ("inc.2", "telecom")]
    assert case.priority is Priority.E
    assert {o.due_at for o in case.orders} == {RECEIVED + timedelta(hours=2)}  # 2 working hours by the wall clock
    assert case.route is not None
    assert case.route.reference_version == desk.rules.version


async def test_an_unknown_category_fails_and_stores_nothing(desk: Desk) -> None:
    with pytest.raises(LookupError, match="P9999"):
        await desk.receive(report(category={"scheme": "gb30428", "code": "P9999"}))
    assert not desk.store.documents


async def test_the_same_report_again_changes_nothing(desk: Desk) -> None:
    await desk.receive(report())
    before = (dict(desk.store.documents), list(desk.store.rows))
    await asyncio.gather(*(desk.receive(report()) for _ in range(5)))
    assert (desk.store.documents, desk.store.rows) == before


async def test_what_dispatch_says_continues_the_story_in_the_name_of_dispatch(desk: Desk) -> None:
    await desk.receive(report())
    for _, message in published(desk.store):
        envelope = message.envelope
        assert (envelope.actor, envelope.correlation_id) == ("system:dispatch", "story-1")
        assert (envelope.causation_id, envelope.cycle, envelope.partition_key) == ("incident-reported:inc", 1, "inc")
        assert envelope.source == "/140302003/dispatch"
    assert [m.envelope.sequence for m in desk.events("incident-changed")] == [1, 2, 3]


async def test_incident_resolved_says_who_fixed_it_who_saw_it_and_whether_in_time(desk: Desk) -> None:
    desk.rules = StubRules(limit=Limit(5, Unit.WORKING_DAYS))
    await desk.receive(report())
    await desk.hear("done", receipts=[RECEIPT])
    (event,) = desk.events("incident-resolved")
    assert event.envelope.id == "incident-resolved:inc:1"
    resolved = event.data
    assert isinstance(resolved, IncidentResolved)
    assert (resolved.how, resolved.departments, resolved.on_time, resolved.cycle) == ("department", ("water",), True, 1)
    assert (resolved.resolved_at, resolved.evidence_photo_ids) == (NOW, ("after",))
    assert (resolved.severity, resolved.category.code, resolved.condition) == ("N", "P0101", "broken")
    (reporter,) = resolved.reporters
    assert (reporter.rider, reporter.report) == ("rider-1", "report-of-inc")
    assert (reporter.captured_at, reporter.received_at) == (RECEIVED - timedelta(minutes=99), RECEIVED)


async def test_incident_resolved_names_only_those_who_did_it_and_says_when_it_was_late(desk: Desk) -> None:
    desk.rules = StubRules(found=Route(("fire", "water"), "r", "v1"))  # due at 15:40, now it is 16:00
    await desk.receive(report())
    await desk.hear("returned", "fire", "inc.1", reason="nothing burns")
    assert not desk.events("incident-resolved")
    await desk.hear("done", "water", "inc.2", receipts=[RECEIPT])
    (event,) = desk.events("incident-resolved")
    assert isinstance(event.data, IncidentResolved)
    assert (event.data.departments, event.data.on_time) == (("water",), False)


async def test_evidence_of_many_departments_fits_into_one_event(desk: Desk) -> None:
    """Ten receipts are allowed per message and twenty photos per event: three diligent departments must not be stuck."""
    desk.rules = StubRules(found=Route(("fire", "water", "drainage"), "r", "v1"))
    await desk.receive(report())
    for number, department in enumerate(("fire", "water", "drainage"), start=1):
        receipts = [f"{department}.{department}-{photo}.x" for photo in range(10)]
        event = DepartmentUpdate.model_validate(
            {
                "subdistrict": "140302003",
                "update_id": f"d{number}",
                "order": f"inc.{number}",
                "seen_seq": 1,
                "kind": "done",
                "at": NOW.isoformat(),
                "receipts": receipts,
            }
        )
        context = Context(f"department:{department}", "x")
        await desk.lane.submit(ReceiveUpdate(INCIDENTS, desk.rules, StubEvidence(), department, event, context))
    assert desk.incident().state is State.RESOLVED
    (resolved,) = desk.events("incident-resolved")
    assert isinstance(resolved.data, IncidentResolved)
    assert len(resolved.data.evidence_photo_ids) == 20


@pytest.mark.parametrize("receipts", [[], ["water.after.forged"], ["fire.after.x"]])
async def test_only_receipts_of_that_department_are_evidence(desk: Desk, receipts: list[str]) -> None:
    await desk.receive(report())
    await desk.hear("done", receipts=receipts)
    refused = desk.told("water")[-1]
    assert (refused.kind, refused.reason_code, refused.seq) == ("refused", "evidence_missing", 2)
    assert (refused.update_id, refused.current_state) == ("water-done-1", "offered")
    assert desk.incident().orders[0].state is OrderState.OFFERED


async def test_every_answer_has_the_next_number_whether_yes_or_no(desk: Desk) -> None:
    await desk.receive(report())
    await desk.hear("progress")
    await desk.hear("accepted", seen=2)
    await desk.hear("accepted", seen=3)
    await desk.hear("done", seen=4, receipts=[RECEIPT])
    told = desk.told("water")
    assert [(t.seq, t.kind) for t in told] == [(1, "offer"), (2, "refused"), (3, "ack"), (4, "refused"), (5, "ack")]
    assert [m.envelope.id for m in desk.events("dispatch.water")] == [f"dispatch:inc.1:{n}" for n in range(1, 6)]
    assert [m.envelope.sequence for m in desk.events("dispatch.water")] == [1, 2, 3, 4, 5]
    assert [t.current_state for t in told] == [None, "offered", "accepted", "accepted", "done"]


@pytest.mark.parametrize("order", ["inc.1", "inc.7", "other.1", "nonsense"])
async def test_an_update_of_an_order_one_does_not_have_is_answered_and_counted_apart(desk: Desk, order: str) -> None:
    await desk.receive(report())
    await desk.hear("accepted", "fire", order)
    await desk.hear("done", "fire", order, seen=2)
    answers = desk.told("fire")
    assert [(a.kind, a.reason_code, a.seq, a.work_order) for a in answers] == [
        ("refused", "unknown_order", 1, None),
        ("refused", "unknown_order", 2, None),
    ]
    assert {a.reason for a in answers} == {f"fire has no order {order}"}
    assert desk.version() == 1


async def test_a_guessed_order_id_does_not_block_the_order_that_really_gets_it_later(desk: Desk) -> None:
    await desk.receive(report())
    await desk.hear("accepted", "water", "inc.2")
    await desk.hear("returned", reason="not ours")
    case, _ = await desk.assign("water", version=desk.version())
    assert case.orders[-1].id == "inc.2"
    await desk.hear("accepted", order="inc.2")
    assert desk.incident().orders[-1].state is OrderState.ACCEPTED
    ids = [m.envelope.id for m in desk.events("dispatch.water")]
    assert len(ids) == len(set(ids))


async def test_the_topic_says_who_speaks_not_the_message(desk: Desk) -> None:
    await desk.receive(report())
    await desk.hear("accepted", "fire", "inc.1", source="/department/water")
    assert desk.incident().orders[0].state is OrderState.OFFERED


async def test_staff_send_what_waits_in_triage_and_the_first_clock_goes_on(desk: Desk) -> None:
    desk.rules = StubRules(found="no rule matches")
    await desk.receive(report())
    case, version = await desk.assign("drainage", "fire", version=1)
    assert (case.state, version) == (State.DISPATCHED, 2)
    assert [(o.id, o.department, o.due_at) for o in case.orders] == [
        ("inc.1", "drainage", RECEIVED + timedelta(hours=6)),
        ("inc.2", "fire", RECEIVED + timedelta(hours=6)),
    ]
    assert case.route == Route(("drainage", "fire"), "staff: they own it", "v1")
    assert (case.history[-1].actor, case.history[-1].reason) == ("staff:s1", "staff: they own it")


async def test_after_a_return_staff_decide_and_numbers_go_on(desk: Desk) -> None:
    await desk.receive(report())
    await desk.hear("returned", reason="not our pipe")
    case, _ = await desk.assign("drainage", version=2)
    assert [(o.id, o.state.value) for o in case.orders] == [("inc.1", "returned"), ("inc.2", "offered")]
    assert case.orders[0].due_at == case.orders[1].due_at
    await desk.hear("done", "drainage", "inc.2", receipts=["a.b.c"])
    assert desk.incident().state is State.DISPATCHED  # the receipt is nobody's


async def test_a_stale_version_a_foreign_sub_district_and_nonsense_are_refused_with_the_field(desk: Desk) -> None:
    desk.rules = StubRules(found="no rule matches")
    await desk.receive(report())
    with pytest.raises(Conflict, match="expected_version: the incident is at version 1, you saw 7"):
        await desk.assign("fire", version=7)
    with pytest.raises(NotFound):
        await desk.assign("fire", version=1, subdistrict="140302004")
    with pytest.raises(Invalid, match="departments: there is no department moon"):
        await desk.assign("fire", "moon", version=1)
    with pytest.raises(Invalid, match="departments: the same department twice"):
        await desk.assign("fire", "fire", version=1)
    assert desk.incident().state is State.TRIAGED


async def test_what_is_under_way_or_done_is_not_sent_out_a_second_time(desk: Desk) -> None:
    await desk.receive(report())
    with pytest.raises(Conflict, match="water has an open order of it already"):
        await desk.assign("fire", "water", version=1)
    await desk.hear("done", receipts=[RECEIPT])
    with pytest.raises(Conflict, match="the incident is resolved"):
        await desk.assign("fire", version=2)


async def test_an_incident_survives_the_way_into_its_document_and_back(desk: Desk) -> None:
    await desk.receive(report(interim_measures="树枝", flags=("location_conflict",)))
    await desk.hear("returned", reason="not ours", suggested_department="fire")
    case = desk.incident()
    again = INCIDENTS.load({**INCIDENTS.dump(case), "version": 9, "sequences": {"x": 1}})
    assert again == case
    assert isinstance(again.state, State)
    assert again.flags == ("location_conflict",)
    assert replace(again, cycle=2) != case


async def test_also_what_nobody_could_be_named_for_says_by_which_reference_data(desk: Desk) -> None:
    desk.rules = StubRules("whoever-acts: the rule asks for a finer place")
    await desk.receive(report())
    assert (desk.incident().state, desk.incident().route, desk.incident().reference_version) == (
        State.TRIAGED,
        None,
        "v1",
    )
