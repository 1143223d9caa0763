"""What riders do beside reporting: the table of its states, who may do what, and that an approval pays once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from services.points.activities import KeyReused, Trainee
from services.points.domain.activity import TABLE, Act, State, counted_at, happens
from services.points.domain.listing import Mark, cursor_of, read_cursor
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.points_awarded import PointsAwarded
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.pseudonym import PREFIX
from shared.scope import Scope
from tests.support.doing import ELSEWHERE, HERE, LEAD, NEIGHBOUR, STAFF, InMemory, activity, rider, second_over
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.pointing import Ledger, StubRules

# As the issue says it, written down a second time.
EXPECTED = """
recorded recommend recommended
recorded,recommended approve_first awaiting_second
recorded,recommended,awaiting_second approve approved
recorded,recommended,awaiting_second reject rejected
recorded,recommended withdraw withdrawn
"""


def expected() -> dict[tuple[str, str], str]:
    rows = [line.split() for line in EXPECTED.strip().split("\n")]
    return {(source, act): target for sources, act, target in rows for source in sources.split(",")}


@pytest.mark.parametrize(("state", "act"), list(product(State, Act)))
def test_what_the_table_does_not_have_is_refused(state: State, act: Act) -> None:
    before = replace(activity(), state=state)
    actor = "rider:anna" if act is Act.WITHDRAW else "staff:s1"
    target = expected().get((state.value, act.value))
    if target is None:
        with pytest.raises(Conflict, match=state.value):
            happens(before, act, actor, NOW)
        return
    after = happens(before, act, actor, NOW, "r")
    assert after.state == target
    assert (after.decided_at is not None) == (target in ("approved", "rejected", "withdrawn"))
    assert after.lines[-1].actor == actor


def test_the_table_is_the_one_that_was_written_down() -> None:
    assert {(s.value, a.value): t.value for (s, a), t in TABLE.items()} == expected()


@pytest.mark.parametrize(
    ("captured", "counts"), [(-1, "captured"), (-24, "captured"), (-25, "received"), (1, "received")]
)
def test_a_phone_s_clock_counts_if_it_can_be_believed(captured: int, counts: str) -> None:
    at = NOW + timedelta(hours=captured)
    assert counted_at(at, NOW, timedelta(hours=24)) == (at if counts == "captured" else NOW)


@dataclass
class House(InMemory):
    """With what it told and made."""

    def told(self) -> list[ActivityDecided]:
        found = [message.data for _, message in published(self.store, "activity-decided")]
        return [data for data in found if isinstance(data, ActivityDecided)]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield House(lane, store)
    Ledger.of(store).check()


async def test_recorded_once_with_what_points_knows_of_the_rider(house: House) -> None:
    await house.member("anna", squad="squad-9", community="140302003006")
    first = await house.record(community=None)
    assert first == await house.record(community=None)
    assert (first.squad, first.community, first.received_at, first.at) == (
        "squad-9",
        "140302003006",
        NOW,
        first.captured_at,
    )
    with pytest.raises(KeyReused, match="client_key"):
        await house.record(fingerprint="other")


async def test_a_trainee_records_nothing_until_he_serves(house: House) -> None:
    await house.member("anna", status="trainee")
    with pytest.raises(Trainee):
        await house.record()
    assert not [ref for ref in house.store.documents if ref.collection == "activities"]


async def test_an_approval_pays_and_tells(house: House) -> None:
    await house.record(kind="hardship")
    recommended = await house.decide(Act.RECOMMEND, rider("carl"), squad="squad-1")
    assert recommended.state is State.RECOMMENDED
    approved = await house.decide(Act.APPROVE, expected=2)
    assert (approved.state, approved.paid) == (State.APPROVED, 5)
    (line,) = house.ledger.lines("anna")
    assert (line.id, line.amount, line.activity, line.rule, line.reason, line.about) == (
        "activity:a1:anna:post",
        5,
        "hardship",
        "hardship",
        "approved",
        "a1",
    )
    assert line.captured_at == approved.captured_at
    (told,) = house.told()
    assert (told.kind, told.recorded_activity, told.version, told.rider, told.actor_kind) == (
        "approved",
        "a1",
        3,
        "anna",
        "staff",
    )
    (paid,) = [message.data for _, message in published(house.store, "points-awarded")]
    assert isinstance(paid, PointsAwarded)
    assert (paid.recorded_activity, paid.points, paid.balance_after) == ("a1", 5, 5)
    with pytest.raises(Conflict, match="approved"):
        await house.decide(Act.APPROVE, expected=3)


async def test_a_rejection_says_why_and_pays_nothing(house: House) -> None:
    await house.record()
    rejected = await house.decide(Act.REJECT, reason="照片不清")
    assert (rejected.state, rejected.paid) == (State.REJECTED, None)
    assert house.ledger.entries == []
    assert [(told.kind, told.reason) for told in house.told()] == [("rejected", "照片不清")]


async def test_events_of_one_rider_are_numbered_from_his_passbook(house: House) -> None:
    for number, act in enumerate((Act.REJECT, Act.APPROVE, Act.REJECT)):
        await house.record(f"a{number}")
        await house.decide(act, id_=f"a{number}", reason="r" if act is Act.REJECT else None)
    envelopes = [message.envelope for _, message in published(house.store, "activity-decided")]
    assert [(envelope.partition_key, envelope.sequence) for envelope in envelopes] == [("anna", n) for n in (1, 2, 3)]
    positions = [row["position"] for row in house.store.rows if row["key"] == "anna"]
    assert positions == sorted(positions)
    assert len({tuple(position) for position in positions}) == 4


async def test_two_must_approve_what_is_worth_much(house: House) -> None:
    house.rules = second_over(2)
    await house.record()
    first = await house.decide(Act.APPROVE)
    assert (first.state, first.paid, house.told()) == (State.AWAITING_SECOND, None, [])
    with pytest.raises(Forbidden, match="another"):
        await house.decide(Act.APPROVE, expected=2)
    second = await house.decide(Act.APPROVE, LEAD, expected=2)
    assert (second.state, second.paid) == (State.APPROVED, 3)
    assert len(house.ledger.entries) == 1


@pytest.mark.parametrize("act", [Act.RECOMMEND, Act.APPROVE, Act.REJECT])
async def test_nobody_decides_about_what_he_did_himself(house: House, act: Act) -> None:
    await house.record(who="s1")
    with pytest.raises(Forbidden, match="himself"):
        await house.decide(act, STAFF)
    assert house.ledger.entries == []


@pytest.mark.parametrize(
    ("by", "squad"),
    [(NEIGHBOUR, None), (ELSEWHERE, None), (rider("carl"), None), (rider("carl"), "squad-2")],
)
async def test_who_has_nothing_to_do_with_it_finds_nothing(house: House, by: Scope, squad: str | None) -> None:
    await house.record()
    with pytest.raises(NotFound):
        await house.decide(Act.RECOMMEND, by, squad=squad)


async def test_taken_back_by_who_recorded_it_alone(house: House) -> None:
    await house.record()
    with pytest.raises(Forbidden):
        await house.decide(Act.WITHDRAW, rider("carl"), squad="squad-1")
    assert (await house.decide(Act.WITHDRAW, rider("anna"))).state is State.WITHDRAWN
    assert house.told() == []
    with pytest.raises(Conflict):
        await house.decide(Act.APPROVE, expected=2)


async def test_a_stale_decision_is_refused(house: House) -> None:
    await house.record()
    await house.decide(Act.RECOMMEND, rider("carl"), squad="squad-1")
    with pytest.raises(Conflict, match="expected_version: is 2"):
        await house.decide(Act.APPROVE)


async def test_over_the_cap_of_its_day_a_line_of_nothing_is_written(house: House) -> None:
    for number in range(4):
        await house.record(f"a{number}")
        await house.decide(Act.APPROVE, id_=f"a{number}")
    assert [(line.amount, line.reason) for line in house.ledger.lines("anna")] == [(3, "approved")] * 3 + [(0, "cap")]


async def test_a_late_approval_is_paid_by_the_day_and_the_rules_of_then(house: House) -> None:
    """Recorded under the rules of 2025 for the last day of November, approved in December: neither counts in December."""
    new = StubRules().tariff
    dear = replace(new.activities["help"], points=7)
    old = replace(new, version="2025-1", activities={**new.activities, "help": dear})
    house.rules = StubRules(replace(new, since=datetime(2026, 11, 30, tzinfo=UTC)), (old,))
    await house.record()
    house.store.now = NOW + timedelta(days=20)
    approved = await house.decide(Act.APPROVE)
    (line,) = house.ledger.lines("anna")
    assert (approved.paid, line.rule_version, line.captured_at, line.at) == (
        7,
        "2025-1",
        approved.captured_at,
        house.store.now,
    )
    months = [ref.id for ref in house.store.documents if ref.collection == "months"]
    assert months == ["anna|help|2026-11"]


async def test_who_was_forgotten_is_paid_nothing(house: House) -> None:
    await house.record(who=f"{PREFIX}1")
    with pytest.raises(Conflict, match="forgotten"):
        await house.decide(Act.APPROVE)
    assert (await house.decide(Act.REJECT, reason="r")).state is State.REJECTED
    assert house.told() == []


def test_a_cursor_is_read_back_and_nothing_else() -> None:
    mark = Mark(NOW, HERE)
    assert read_cursor(cursor_of(mark)) == mark
    for text in ("", "x", "MjAyNg", cursor_of(Mark(datetime(2026, 1, 1), "a")), cursor_of(Mark(NOW, ""))):  # noqa: DTZ001
        with pytest.raises(Invalid, match="cursor"):
            read_cursor(text)


async def test_a_captain_is_told_of_what_he_may_recommend(house: House) -> None:
    await house.member(squad="squad-1")
    for id_, kind in (("a1", "help"), ("a2", "volunteer"), ("a3", "home_visit")):
        await house.record(id_, kind=kind)
    told = [message.data for _, message in published(house.store)]
    assert [(one.recorded_activity, one.squad, one.photo_ids) for one in told if isinstance(one, ActivityRecorded)] == [
        ("a1", "squad-1", ()),
        ("a2", "squad-1", ()),
    ]
    assert len(told) == 2


async def test_photos_are_told_to_whoever_keeps_them_and_nothing_else_is(house: House) -> None:
    await house.record(kind="home_visit")
    assert house.store.rows == []
    for _ in range(2):
        await house.record("a2", kind="home_visit", photo_ids=("p1", "p2"))
    ((topic, told),) = published(house.store)
    assert isinstance(told.data, ActivityRecorded)
    assert (topic, told.data.photo_ids, told.data.community) == ("activity-recorded", ("p1", "p2"), HERE)
    assert "王阿姨" not in repr(house.store.rows)
