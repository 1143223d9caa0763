"""The desk's decisions and the reporters' words over the lane: states, clocks, orders, events, and who may not decide."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.dispatch import decisions as d
from services.dispatch.decisions import Decision
from services.dispatch.desk import Decide, Desk, Merge, MoveReport, SelfFixed
from services.dispatch.domain.clocks import Limit, Unit
from services.dispatch.domain.incident import Incident, Route
from services.dispatch.domain.states import OrderState, State
from services.dispatch.handlers import ReceiveReport, ReceiveUpdate
from services.dispatch.hearing import EARLY, HearReporter
from services.dispatch.ports import Receipt
from services.dispatch.store import INCIDENTS
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.incident_resolved import IncidentResolved
from shared.contracts.report_updated import ReportUpdated
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.mongo.lane import Lane
from shared.mongo.work import Ref
from shared.scope import Scope
from tests.support.dispatching import PLACE, RECEIVED, StubRules, report
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor

NEXT_DOOR = {**PLACE["grid"], "community": "140302003006", "micro_grid": "14030200300600101"}


class Receipts:
    """`<uploader>.<photo>.x` proves a photo; `far` and `old` in its name make it so."""

    def verify(self, token: str) -> Receipt | None:
        uploader, photo, _ = token.split(".")
        place = (113.59, 37.857) if "far" in photo else (113.58, 37.857)
        taken = RECEIVED - timedelta(days=2) if "old" in photo else None
        return Receipt(photo, f"department:{uploader}", NOW, taken, place)


class Office:
    """Dispatch over a memory store, with everybody who speaks to it."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store = store
        self.lane = lane
        self.rules = StubRules()

    async def receive(self, id_: str = "inc", **changes: Any) -> None:
        await self.lane.submit(ReceiveReport(INCIDENTS, self.rules, report(id_, **changes), Context("rider:r", "s")))

    async def say(self, kind: str, incident: str = "inc", rider: str = "rider-2", **more: Any) -> None:
        fields = {"subdistrict": "140302003", "kind": kind, "incident": incident, "report": f"report-of-{rider}"}
        event = ReportUpdated.model_validate({**fields, "rider": rider, "received_at": NOW, **more})
        await self.lane.submit(HearReporter(INCIDENTS, self.rules, event, Context(f"rider:{rider}", "s")))

    async def join(self, rider: str, incident: str = "inc", minutes: int = 0, **more: Any) -> None:
        seen = {"captured_at": RECEIVED + timedelta(minutes=minutes), "emergency": False}
        received = RECEIVED + timedelta(minutes=minutes)
        await self.say("joined", incident, rider, received_at=received, **{**seen, **more})

    async def hear(
        self, kind: str, department: str = "water", order: str = "inc.1", seen: int = 1, **more: Any
    ) -> None:
        said = {"update_id": f"{order}-{kind}-{seen}", "at": NOW.isoformat(), "subdistrict": "140302003", **more}
        event = DepartmentUpdate.model_validate({**said, "order": order, "seen_seq": seen, "kind": kind})
        context = Context(f"department:{department}", event.update_id)
        await self.lane.submit(ReceiveUpdate(INCIDENTS, self.rules, Receipts(), department, event, context))

    async def done(self, order: str = "inc.1", department: str = "water", photo: str = "after") -> None:
        seen = next(o.seq for o in self.incident(order.rpartition(".")[0]).orders if o.id == order)
        await self.hear("done", department, order, seen, receipts=[f"{department}.{photo}.x"])

    def desk(self, who: str = "s1", role: str = "staff", communities: tuple[str, ...] = ()) -> Desk:
        scope = Scope(who, f"{role}:{who}", "140302003", desk=True, communities=communities)
        return Desk(INCIDENTS, self.rules, scope, Context(f"{role}:{who}", "s"))

    async def decide(self, form: type[Decision], id_: str = "inc", who: str = "s1", **fields: Any) -> Incident:
        fields.setdefault("expected_version", self.version(id_))
        command = Decide(self.desk(who), id_, form.model_validate(fields))
        return (await self.lane.submit(command))[0]

    def incident(self, id_: str = "inc") -> Incident:
        return INCIDENTS.load(self.store.documents[INCIDENTS.ref(id_)])

    def version(self, id_: str = "inc") -> int:
        return int(self.store.documents[INCIDENTS.ref(id_)]["version"])

    def told(self, department: str) -> list[str]:
        return [m.data.kind for _, m in published(self.store, f"dispatch.{department}")]  # type: ignore[attr-defined]

    def changes(self, id_: str = "inc") -> list[IncidentChanged]:
        data = [m.data for _, m in published(self.store, "incident-changed")]
        return [one for one in data if isinstance(one, IncidentChanged) and one.incident == id_]

    def resolutions(self) -> list[IncidentResolved]:
        return [m.data for _, m in published(self.store, "incident-resolved") if isinstance(m.data, IncidentResolved)]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Office(store, lane)


async def test_scenario_09_two_who_saw_it_are_two_reporters_of_one_incident_in_the_order_they_saw_it(
    office: Office,
) -> None:
    await office.receive()
    await office.join("rider-late", minutes=5)
    early = RECEIVED - timedelta(hours=3)
    await office.join("rider-early", minutes=9, captured_at=early)
    await office.join("rider-liar", minutes=9, captured_at=RECEIVED - timedelta(days=9))
    await office.done()
    (resolved,) = office.resolutions()
    assert [one.rider for one in resolved.reporters] == ["rider-early", "rider-1", "rider-late", "rider-liar"]


async def test_what_is_said_before_the_report_is_here_waits_for_it_and_then_counts(office: Office) -> None:
    await office.join("rider-2", photo_ids=("p2",))
    await office.say("comment", text="还在冒水")
    assert not [ref for ref in office.store.documents if ref.collection == "incidents"]
    await office.receive()
    case = office.incident()
    assert [one.rider for one in case.reporters] == ["rider-1", "rider-2"]
    assert case.photo_ids == ("p1", "p2")
    assert case.notes[-1].text == "还在冒水"
    assert Ref(EARLY, "inc") not in office.store.documents


async def test_scenario_30_a_comment_moves_no_deadline_and_tells_no_department(office: Office) -> None:
    await office.receive()
    before = office.incident()
    await office.say("comment", text="快一点")
    after = office.incident()
    assert after.orders == before.orders
    assert (after.notes[-1].text, after.history[-1].what, after.history[-1].reason) == ("快一点", "comment", None)
    assert office.told("water") == ["offer"]


async def test_new_photos_reach_whoever_works_on_it(office: Office) -> None:
    await office.receive()
    await office.say("photo_added", photo_ids=("p2",))
    assert office.told("water") == ["offer", "correct"]
    assert office.incident().photo_ids == ("p1", "p2")


async def test_an_answer_brings_it_back_to_where_it_was_and_the_clock_runs_on(office: Office) -> None:
    await office.receive()
    await office.hear("accepted")
    await office.decide(d.Ask, question="哪一个井盖？")
    asked = office.incident()
    assert (asked.state, asked.pause is not None) == (State.NEEDS_INFO, True)
    assert office.changes()[-1].reason == "哪一个井盖？"
    await office.say("info_given", text="左边的")
    back = office.incident()
    assert (back.state, back.pause) == (State.IN_PROGRESS, None)
    await office.say("info_given", text="真的是左边的")
    assert office.incident().state is State.IN_PROGRESS


async def test_work_that_was_done_while_a_question_was_open_counts_when_it_is_answered(office: Office) -> None:
    await office.receive()
    await office.decide(d.Ask, question="?")
    await office.done()
    assert (office.incident().state, office.resolutions()) == (State.NEEDS_INFO, [])
    await office.decide(d.Answer, reason="我去看过了")
    assert (office.incident().state, len(office.resolutions())) == (State.RESOLVED, 1)


async def test_says_fixed_verifies_and_says_not_fixed_reopens_for_whoever_had_done_it(office: Office) -> None:
    await office.receive()
    await office.done()
    await office.say("says_fixed", rider="rider-1")
    assert office.incident().orders[0].state is OrderState.VERIFIED
    await office.say("says_not_fixed", rider="rider-1", text="又翘起来了")
    case = office.incident()
    assert (case.state, case.cycle, case.t0) == (State.DISPATCHED, 2, NOW)
    assert [(o.id, o.cycle, o.state) for o in case.orders] == [
        ("inc.1", 1, OrderState.VERIFIED),
        ("inc.2", 2, OrderState.OFFERED),
    ]
    assert office.told("water") == ["offer", "ack", "reopen"]
    assert office.changes()[-2].reason == "又翘起来了"
    assert "又翘起来了" not in str(case.history)
    await office.done("inc.2")
    assert [one.cycle for one in office.resolutions()] == [1, 2]


async def test_broken_again_reopens_what_is_resolved_and_is_only_noted_once_it_is_closed(office: Office) -> None:
    await office.receive()
    await office.done()
    closed = replace(office.incident(), state=State.CLOSED)
    seen: dict[str, Any] = {"captured_at": NOW, "emergency": True}
    await office.say("broken_again", text="", **seen)
    assert (office.incident().cycle, office.incident().reporters[-1].rider) == (2, "rider-2")
    office.store.documents[INCIDENTS.ref("inc")] = {**INCIDENTS.dump(closed), "version": 50}
    await office.say("broken_again", **seen)
    assert (office.incident().state, office.incident().flags) == (State.CLOSED, ("broken_again",))


async def test_scenario_22_the_first_return_goes_where_it_suggests_and_the_second_to_people(office: Office) -> None:
    await office.receive()
    due_at = office.incident().orders[0].due_at
    await office.hear("returned", reason="不是自来水", suggested_department="drainage")
    case = office.incident()
    assert (case.state, case.orders[1].department, case.orders[1].due_at) == (State.DISPATCHED, "drainage", due_at)
    assert [one.to_state or one.kind for one in office.changes()][-2:] == ["order_returned", "order_offered"]
    await office.hear("returned", "drainage", "inc.2", reason="也不是我们", suggested_department="fire")
    case = office.incident()
    assert (case.state, len(case.orders), case.decide_by) == (State.TRIAGED, 2, NOW + timedelta(minutes=30))
    assert not office.told("fire")
    assert not [one for one in office.changes() if one.to_state == "rejected"]


@pytest.mark.parametrize("suggested", ["moon", "water", None])
async def test_a_suggestion_that_leads_nowhere_is_for_people(office: Office, suggested: str | None) -> None:
    await office.receive()
    await office.hear("returned", reason="x", suggested_department=suggested)
    assert (office.incident().state, len(office.incident().orders)) == (State.TRIAGED, 1)


@pytest.mark.parametrize(("photo", "flagged"), [("after", False), ("far", True), ("old", True)])
async def test_evidence_from_elsewhere_or_before_is_flagged_and_never_refused(
    office: Office, photo: str, flagged: bool
) -> None:
    await office.receive()
    await office.done(photo=photo)
    assert office.incident().state is State.RESOLVED
    assert ("evidence_mismatch" in office.incident().flags) is flagged


async def test_scenario_16_a_moved_incident_has_one_place_one_history_and_one_new_route(office: Office) -> None:
    office.rules = StubRules(
        by_place={NEXT_DOOR["micro_grid"]: Route(("water", "fire"), "next-door", "v1")}, located=NEXT_DOOR
    )
    office.rules.found = Route(("water", "drainage"), "here", "v1")
    await office.receive()
    case = await office.decide(d.CorrectPlace, place={"lng": 113.5807, "lat": 37.857, "crs": "wgs84"}, reason="看错了")
    assert (case.community, case.route) == ("140302003006", Route(("water", "fire"), "next-door", "v1"))
    assert [(o.department, o.state.value) for o in case.orders] == [
        ("water", "offered"),
        ("drainage", "withdrawn"),
        ("fire", "offered"),
    ]
    assert (office.told("water"), office.told("drainage"), office.told("fire")) == (
        ["offer", "correct"],
        ["offer", "withdraw"],
        ["offer"],
    )
    assert any("place corrected, it was 113.58, 37.857" in line.what for line in case.history)
    assert [one.kind for one in office.changes()].count("place") == 1
    again = await office.decide(
        d.CorrectPlace, place={"lng": 113.5808, "lat": 37.857, "crs": "wgs84"}, reason="再挪一点"
    )
    assert [o.id for o in again.orders] == ["inc.1", "inc.2", "inc.3"]


async def test_a_place_made_certain_sends_out_what_waited_for_it(office: Office) -> None:
    await office.receive(place={**PLACE, "grid": None, "accuracy_m": 180.0}, flags=("needs_location",))
    case = await office.decide(d.CorrectPlace, place={"lng": 113.58, "lat": 37.857, "crs": "wgs84"}, reason="问清了")
    assert (case.state, case.flags, [o.department for o in case.orders]) == (State.DISPATCHED, (), ["water"])
    with pytest.raises(Invalid, match=r"place\.crs"):
        await office.decide(d.CorrectPlace, place={"lng": 113.58, "lat": 37.857}, reason="x")
    with pytest.raises(Invalid, match="lies in no micro-grid"):
        await office.decide(d.CorrectPlace, place={"lng": 11.0, "lat": 37.0, "crs": "wgs84"}, reason="x")


async def test_another_category_keeps_running_deadlines_and_asks_the_rules_once_more(office: Office) -> None:
    office.rules = StubRules(by_condition={"missing": Route(("fire",), "missing-lid", "v1")})
    await office.receive()
    due_at = office.incident().orders[0].due_at
    kind = {"scheme": "gb30428", "code": "P0101"}
    case = await office.decide(d.CorrectCategory, **kind, condition="missing", severity="U", reason="整个不见了")
    assert (case.condition, case.priority.value, case.orders[0].due_at) == ("missing", "U", due_at)
    assert [(o.department, o.state.value) for o in case.orders] == [("water", "withdrawn"), ("fire", "offered")]
    told = next(one for one in office.changes() if one.kind == "category")
    assert (told.condition, told.severity) == ("missing", "U")
    with pytest.raises(Invalid, match="code: there is no"):
        await office.decide(d.CorrectCategory, scheme="gb30428", code="P9999", reason="x")


async def test_merging_moves_reports_and_photos_and_later_words_go_to_the_main_one(office: Office) -> None:
    await office.receive("main")
    office.rules.found = "no rule"
    await office.receive("twin", photo_ids=("p9",), rider="rider-9")
    twin, _ = await office.lane.submit(Merge(office.desk(), "twin", "main", office.version("twin"), "同一个井盖"))
    assert (twin.state, twin.main) == (State.DUPLICATE, "main")
    main = office.incident("main")
    assert ([one.rider for one in main.reporters], main.photo_ids) == (["rider-1", "rider-9"], ("p1", "p9"))
    merged = office.changes("twin")[-1]
    assert (merged.kind, merged.other_incident, merged.reports) == ("merged", "main", ("report-of-twin",))
    assert office.told("water") == ["offer", "correct"]
    await office.join("rider-5", "twin")
    assert [one.rider for one in office.incident("main").reporters] == ["rider-1", "rider-9", "rider-5"]
    assert len(office.incident("twin").reporters) == 1


async def test_what_has_paid_cannot_become_a_duplicate_and_nothing_merges_into_what_is_over(office: Office) -> None:
    office.rules.found = "no rule"
    await office.receive("main")
    await office.receive("twin")
    paid = replace(office.incident("twin"), cycle=2)
    office.store.documents[INCIDENTS.ref("twin")] = {**INCIDENTS.dump(paid), "version": 7}
    with pytest.raises(Invalid, match="has paid"):
        await office.lane.submit(Merge(office.desk(), "twin", "main", 7, "x"))
    await office.decide(d.Reject, "main", reason="看不出问题")
    await office.receive("other")
    with pytest.raises(Conflict, match="the other incident is rejected"):
        await office.lane.submit(Merge(office.desk(), "other", "main", office.version("other"), "x"))


async def test_a_report_that_was_wrongly_joined_gets_an_incident_of_its_own_or_moves(office: Office) -> None:
    await office.receive()
    await office.receive("else")
    await office.join("rider-2", photo_ids=("p2",))
    await office.join("rider-3")

    async def move(rider: str, to: str | None) -> None:
        command = MoveReport(
            office.desk(), "inc", f"report-of-{rider}", to, "new", "0000-0001", office.version(), "不是一个"
        )
        await office.lane.submit(command)

    await move("rider-2", None)
    new = office.incident("new")
    assert (new.state, [one.rider for one in new.reporters], new.photo_ids) == (State.DISPATCHED, ["rider-2"], ("p2",))
    await move("rider-3", "else")
    assert [one.rider for one in office.incident("else").reporters] == ["rider-1", "rider-3"]
    assert [one.rider for one in office.incident().reporters] == ["rider-1"]
    assert [(one.other_incident, one.reports) for one in office.changes() if one.kind == "unmerged"] == [
        ("new", ("report-of-rider-2",)),
        ("else", ("report-of-rider-3",)),
    ]
    command = MoveReport(office.desk(), "inc", "report-of-inc", None, "n", "0000-0002", office.version(), "x")
    with pytest.raises(Conflict, match="first report"):
        await office.lane.submit(command)


async def test_scenario_26_no_action_calls_off_whoever_works_on_it_and_never_counts_as_resolved(office: Office) -> None:
    await office.receive()
    case = await office.decide(d.NoAction, reason="已列入改造计划")
    assert (case.state, case.orders[0].state) == (State.CLOSED_NO_ACTION, OrderState.WITHDRAWN)
    assert (office.told("water"), office.resolutions()) == (["offer", "withdraw"], [])


async def test_scenario_25_reopening_needs_a_reason_and_names_who_and_when(office: Office) -> None:
    await office.receive()
    await office.done()
    with pytest.raises(ValueError, match="reason"):
        d.Reopen.model_validate({"expected_version": 1})
    case = await office.decide(d.Reopen, reason="现场没修", departments=("fire",))
    assert (case.cycle, case.orders[-1].department, case.state) == (2, "fire", State.DISPATCHED)
    line = next(line for line in case.history if line.what == "resolved -> dispatched")
    assert (line.actor, line.at, line.reason) == ("staff:s1", NOW, "现场没修")


async def test_a_rejection_can_be_appealed_for_a_week_and_the_reporter_hears_what_became_of_it(office: Office) -> None:
    await office.receive()
    await office.decide(d.Reject, reason="看不出问题")
    await office.say("appealed", text="明明破了")
    assert "disputed" in office.incident().flags
    await office.decide(d.DecideAppeal, granted=False, reason="还是看不出")
    assert (office.incident().state, office.incident().flags) == (State.REJECTED, ())
    assert (office.changes()[-1].to_state, office.changes()[-1].reason) == ("rejected", "还是看不出")
    await office.say("appealed", text="太晚", received_at=NOW + timedelta(days=8))
    assert office.incident().flags == ()
    won = await office.decide(d.DecideAppeal, granted=True, reason="是的，破了")
    assert won.state is State.TRIAGED


async def test_parking_is_once_within_a_year_and_goes_on_where_it_was(office: Office) -> None:
    await office.receive()
    with pytest.raises(Conflict, match="within a year"):
        await office.decide(d.Park, until=NOW + timedelta(days=400), reason="冬天")
    case = await office.decide(d.Park, until=NOW + timedelta(days=90), reason="冬天")
    assert (case.state, office.changes()[-1].until) == (State.PARKED, NOW + timedelta(days=90))
    back = await office.decide(d.Unpark, reason="开春早")
    assert (back.state, back.pause) == (State.DISPATCHED, None)
    with pytest.raises(Conflict, match="parked before"):
        await office.decide(d.Park, until=NOW + timedelta(days=9), reason="再来")


async def test_more_time_is_granted_or_refused_and_the_department_hears_it(office: Office) -> None:
    office.rules = StubRules(limit=Limit(5, Unit.WORKING_DAYS))
    await office.receive()
    due_at = office.incident().orders[0].due_at
    until = due_at + timedelta(days=1)
    asking: dict[str, Any] = {"reason": "等配件", "extension_until": until.isoformat()}
    await office.hear("extension_asked", **asking)
    await office.decide(d.DecideExtension, order="inc.1", granted=False, reason="不等")
    assert office.incident().orders[0].due_at == due_at
    await office.hear("extension_asked", seen=3, **asking)
    case = await office.decide(d.DecideExtension, order="inc.1", granted=True, reason="可以")
    assert case.orders[0].due_at > due_at
    assert [one.extension for one in office.changes() if one.kind == "order_extension"] == [
        "asked",
        "refused",
        "asked",
        "granted",
    ]
    with pytest.raises(Conflict, match="not asking"):
        await office.decide(d.DecideExtension, order="inc.1", granted=True, reason="x")


async def test_taking_the_last_order_back_leaves_it_to_people_and_a_foreign_order_is_named(office: Office) -> None:
    await office.receive()
    case = await office.decide(d.Withdraw, order="inc.1", reason="派错了")
    assert (case.state, office.told("water")) == (State.TRIAGED, ["offer", "withdraw"])
    with pytest.raises(Invalid, match=r"order: the incident has no order inc\.7"):
        await office.decide(d.Withdraw, order="inc.7", reason="x")


async def test_handed_over_verified_and_excused(office: Office) -> None:
    await office.receive()
    deadline = NOW + timedelta(days=3)
    case = await office.decide(d.HandOver, to="12345", number="YQ-77", deadline=deadline)
    assert (case.foreign is not None, case.foreign_due_at) == (True, deadline)
    await office.done()
    assert (await office.decide(d.Verify, order="inc.1")).orders[0].state is OrderState.VERIFIED
    assert (await office.decide(d.Excuse, order="inc.1", reason="暴雨")).orders[0].excused == "暴雨"


async def test_self_fixed_in_bulk_is_all_or_nothing_and_never_sends_a_department(office: Office) -> None:
    for id_ in ("a", "b"):
        await office.receive(id_, flags=("self_fixed",), after_photo_ids=("since",))
        assert office.incident(id_).state is State.TRIAGED
    with pytest.raises(Conflict, match=r"incidents\.1: expected_version"):
        await office.lane.submit(SelfFixed(office.desk(), (("a", 1), ("b", 9)), "照片清楚"))
    assert office.incident("a").state is State.TRIAGED
    await office.lane.submit(SelfFixed(office.desk(), (("a", 1), ("b", 1)), "照片清楚"))
    assert [(one.how, one.on_time, one.departments) for one in office.resolutions()] == [("self_fixed", None, ())] * 2


async def test_nobody_decides_on_his_own_report_nor_on_an_old_version_nor_elsewhere(office: Office) -> None:
    await office.receive()
    await office.join("s1")
    with pytest.raises(Forbidden, match="reported it yourself"):
        await office.decide(d.Reject, reason="x")
    with pytest.raises(Conflict, match="expected_version"):
        await office.decide(d.Reject, who="s2", reason="x", expected_version=1)
    reject = d.Reject.model_validate({"expected_version": 2, "reason": "x"})
    with pytest.raises(NotFound):
        await office.lane.submit(Decide(office.desk("s2", communities=("140302003006",)), "inc", reject))
    assert office.incident().state is State.DISPATCHED
