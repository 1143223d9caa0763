"""Meetings and trainings: a code that is good for half a minute, one line per rider, a roster that staff tick."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.points.checkins import CheckIn
from services.points.domain import checkin
from services.points.domain.checkin import STEP, How, Refusal
from services.points.domain.gathering import Agenda
from services.points.domain.member import Member
from services.points.gathering_out import roster_out
from services.points.gathering_store import GATHERINGS
from services.points.gatherings import DecideGathering, HoldGathering, KeyReused, to_agenda, to_cancelled
from shared.context import Context
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.doing import (
    ELSEWHERE,
    HERE,
    LEAD,
    NEIGHBOUR,
    SECRET,
    STAFF,
    InMemory,
    agenda,
    gathering,
    rider,
    shown,
)
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.pointing import Ledger

TEXT = checkin.token(gathering(), checkin.step_of(NOW))


def how(at: timedelta, scanned_at: datetime | None = None, **changes: Any) -> How:
    """A code of `NOW` that arrives so long afterwards."""
    return checkin.how(gathering(**changes), shown(), NOW + at, scanned_at)


def test_a_code_is_good_for_its_half_minute_and_the_next() -> None:
    start = datetime.fromtimestamp(checkin.step_of(NOW) * STEP.total_seconds(), NOW.tzinfo)
    for after in (timedelta(), STEP, 2 * STEP - timedelta(milliseconds=1)):
        assert checkin.how(gathering(), shown(start), start + after, None) is How.CODE
    for after in (2 * STEP, timedelta(hours=1), -timedelta(seconds=1), -timedelta(hours=1)):
        with pytest.raises(Refusal, match="has changed") as refused:
            checkin.how(gathering(), shown(start), start + after, None)
        assert refused.value.problem_code == "checkin-expired"
    assert checkin.good_until(checkin.step_of(start)) == start + 2 * STEP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "q1",
        "x",
        TEXT.replace("q1", "q2"),
        TEXT[:-3] + ("AAA" if TEXT[-3:] != "AAA" else "BBB"),
        TEXT.replace("e1", "e2"),
        TEXT.replace(f".{checkin.step_of(NOW)}.", f".{checkin.step_of(NOW) + 1}."),
        TEXT.replace(f".{checkin.step_of(NOW)}.", ".-1."),
        TEXT.replace(f".{checkin.step_of(NOW)}.", ".٣."),
        TEXT.replace(f".{checkin.step_of(NOW)}.", f".{'9' * 13}."),
        TEXT + "é",
        checkin.token(replace(gathering(), secret="00" * 32), checkin.step_of(NOW)),
        TEXT.rpartition(".")[0] + ".",
    ],
)
def test_a_code_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        checkin.how(gathering(), checkin.read(text), NOW, None)
    assert refused.value.problem_code == "checkin-forged"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"opens_at": NOW + timedelta(minutes=1), "starts_at": NOW + timedelta(hours=1)}, "event-not-open"),
        ({"ends_at": NOW}, "event-over"),
    ],
)
def test_outside_its_hours_it_is_refused_by_name(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        how(timedelta(), **changes)
    assert refused.value.problem_code == code


def test_a_phone_without_signal_may_send_it_later_and_waits_for_staff() -> None:
    assert how(timedelta(hours=5), NOW + timedelta(minutes=4)) is How.LATE
    assert how(timedelta(hours=5), NOW - timedelta(minutes=4)) is How.LATE
    for scanned_at in (NOW + timedelta(minutes=6), NOW - timedelta(minutes=6)):
        with pytest.raises(Refusal, match="has changed"):
            how(timedelta(hours=5), scanned_at)
    with pytest.raises(Refusal, match="ended"):
        how(timedelta(hours=5), NOW, ends_at=NOW - timedelta(minutes=1))
    with pytest.raises(Refusal, match="has changed"):
        how(-timedelta(hours=1), NOW)


@dataclass
class House(InMemory):
    """With changes of the gathering."""

    async def change(self, to: Agenda | None, expected: int = 1, scope: Any = STAFF) -> Any:
        changes = to_cancelled if to is None else to_agenda(to)
        return await self.lane.submit(DecideGathering(GATHERINGS, "e1", expected, changes, scope))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield House(lane, store)
    Ledger.of(store).check()


async def test_held_once_per_client_key(house: House) -> None:
    assert await house.hold() == await house.hold()
    with pytest.raises(KeyReused):
        await house.lane.submit(HoldGathering(GATHERINGS, "e1", "other", agenda(), SECRET, STAFF))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": agenda().starts_at}, "ends_at"),
        ({"ends_at": agenda().starts_at + timedelta(hours=17)}, "ends_at"),
        ({"opens_at": agenda().starts_at + timedelta(seconds=1)}, "opens_at"),
        ({"opens_at": agenda().starts_at - timedelta(hours=17)}, "opens_at"),
    ],
)
async def test_an_agenda_that_does_not_hold_together_is_named(
    house: House, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await house.hold(**changes)
    assert [error.field for error in refused.value.errors] == [field]


async def test_a_desk_holds_them_in_its_own_communities(house: House) -> None:
    for scope, community in ((NEIGHBOUR, HERE), (STAFF, None), (rider(), HERE)):
        with pytest.raises(Forbidden):
            await house.hold(scope, community=community)
    await house.hold()
    with pytest.raises(NotFound):
        await house.change(None, scope=NEIGHBOUR)
    await house.hold(LEAD, "whole", community=None)
    with pytest.raises(Forbidden):
        await house.lane.submit(DecideGathering(GATHERINGS, "whole", 1, to_cancelled, STAFF))


async def test_changed_by_whoever_saw_the_last_version_until_it_is_called_off(house: House) -> None:
    await house.hold()
    changed, version = await house.change(agenda(title="改期"))
    assert (changed.agenda.title, changed.secret, version) == ("改期", SECRET, 2)
    with pytest.raises(Conflict, match="expected_version"):
        await house.change(None)
    with pytest.raises(Conflict, match="kind"):
        await house.change(agenda(kind="meeting"), 2)
    await house.change(None, 2)
    with pytest.raises(Conflict, match="cancelled"):
        await house.change(None, 3)
    with pytest.raises(Refusal, match="cancelled"):
        await house.scan()
    with pytest.raises(Refusal, match="cancelled"):
        await house.tick("anna")


async def test_a_scan_pays_once(house: House) -> None:
    await house.member("anna", status="trainee")
    await house.hold()
    there, already = await house.scan()
    again, twice = await house.scan(at=NOW + timedelta(minutes=20))
    assert (there.paid, already, twice) == (3, False, True)
    assert again == there
    (line,) = house.ledger.lines("anna")
    assert (line.id, line.activity, line.amount, line.reason, line.captured_at) == (
        "activity:e1:anna:post",
        "training",
        3,
        "attended",
        agenda().starts_at,
    )


async def test_a_late_scan_pays_when_staff_confirm_it(house: House) -> None:
    await house.hold()
    there, _ = await house.scan(token=shown(), at=NOW + timedelta(hours=3), scanned_at=NOW)
    assert (there.how, there.paid, house.ledger.entries) == (How.LATE, None, [])
    _, already = await house.scan(token=shown(), at=NOW + timedelta(hours=4), scanned_at=NOW)
    assert already
    ((confirmed, before),) = await house.tick("anna")
    assert (confirmed.how, confirmed.paid, confirmed.by, before) == (How.LATE, 3, "staff:s1", False)


async def test_whoever_scans_again_in_time_needs_no_staff(house: House) -> None:
    await house.hold()
    await house.scan(token=shown(NOW - timedelta(minutes=2)), scanned_at=NOW - timedelta(minutes=2))
    there, _ = await house.scan()
    assert (there.how, there.paid) == (How.CODE, 3)


async def test_a_roster_lets_in_whom_it_names(house: House) -> None:
    for who, squad in (("anna", "squad-9"), ("bert", "squad-1"), ("carl", "squad-2")):
        await house.member(who, squad=squad)
    await house.hold(invited=("anna",), squads=("squad-1",))
    assert (await house.scan("anna"))[0].paid == (await house.scan("bert"))[0].paid == 3
    with pytest.raises(Refusal) as refused:
        await house.scan("carl")
    assert refused.value.problem_code == "not-invited"
    ((there, _),) = await house.tick("carl")
    assert (there.how, there.paid) == (How.DESK, 3)


async def test_staff_tick_many_or_with_an_unknown_one_none(house: House) -> None:
    for who in ("anna", "bert"):
        await house.member(who)
    await house.member("s9", role="staff")
    await house.hold()
    with pytest.raises(Invalid) as refused:
        await house.tick("anna", "nobody", "s9")
    assert [error.field for error in refused.value.errors] == ["riders.1", "riders.2"]
    assert house.ledger.entries == []
    await house.scan("anna")
    ticked = await house.tick("anna", "bert")
    assert [(there.rider, there.how, there.paid, already) for there, already in ticked] == [
        ("anna", How.CODE, 3, True),
        ("bert", How.DESK, 3, False),
    ]
    with pytest.raises(Forbidden, match="himself"):
        await house.tick("anna", STAFF.id)
    with pytest.raises(NotFound):
        await house.tick("anna", by=NEIGHBOUR)


async def test_nobody_is_ticked_before_it_opens(house: House) -> None:
    await house.member("anna")
    await house.hold(opens_at=NOW + timedelta(minutes=1), starts_at=NOW + timedelta(hours=1))
    with pytest.raises(Refusal, match="opens"):
        await house.tick("anna")


async def test_what_the_ledger_knows_is_not_paid_again_when_the_check_in_is_gone(house: House) -> None:
    await house.hold()
    await house.scan()
    for ref in [ref for ref in house.store.documents if ref.collection == "checkins"]:
        del house.store.documents[ref]
    there, already = await house.scan()
    assert (there.paid, already) == (0, False)
    assert len(house.ledger.entries) == 1


async def test_riders_of_another_sub_district_find_nothing(house: House) -> None:
    await house.hold()
    scope = replace(rider(), subdistrict=ELSEWHERE.subdistrict)
    with pytest.raises(NotFound):
        await house.lane.submit(CheckIn(house.hall, shown(), scope, NOW, None, Context(scope.actor, "c")))


async def test_the_roster_names_the_expected_first(house: House) -> None:
    made = gathering(invited=("bert",), squads=("squad-1",))
    await house.hold()
    there, _ = await house.scan("carl")
    squad = [Member("anna", 1, "140302003", "rider", "active", "squad-1")]
    roster = roster_out(made, squad, [there])
    assert [(seat.rider, seat.expected, seat.there is not None) for seat in roster.seats] == [
        ("bert", True, False),
        ("anna", True, False),
        ("carl", False, True),
    ]
