"""Visits of a round are paid by its activity, each household once for each rider; other categories go before staff."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from services.points import agents, suggesting, visiting
from services.points.activity_store import ACTIVITIES
from services.points.campaigns import DecideCampaign, to_closed
from services.points.domain.activity import Act, Activity, State
from services.points.domain.suggestion import suggestion_id
from services.points.domain.visit import Visit
from services.points.store import BOOKS, CAMPAIGNS
from services.points.visit_store import VISITS
from shared.context import Context
from shared.contracts.envelope import Message
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.visit_recorded import VisitRecorded
from shared.ids import new_id
from shared.mongo.work import Ref
from tests.support.doing import LEAD, STAFF, InMemory
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor
from tests.support.notifying import place
from tests.support.pointing import (
    BEIDAJIE,
    NINE,
    TOPIC_OF,
    Ledger,
    in_envelopes,
    joined,
    message,
    moved,
    recategorised,
    reported,
    resolved,
)
from tests.support.rounds import DESK, MICRO, opening

NEXT = "140302003006"


def visited(id_: str = "v1", rider: str = "anna", minutes: int = 60, **changes: Any) -> Message:
    """A visit so many minutes before `NOW`."""
    at = NOW - timedelta(minutes=minutes)
    usual: dict[str, Any] = {
        "subdistrict": BEIDAJIE,
        "visit": id_,
        "campaign": "camp",
        "rider": rider,
        "micro_grid": MICRO,
        "household": "3-2-501",
        "answers": [{"item": "gas_valve_closed", "answer": "no"}],
        "captured_at": at,
        "received_at": at + timedelta(minutes=1),
    }
    return message(VisitRecorded.model_validate({**usual, **changes}), 1, f"rider:{rider}")


@dataclass
class House(InMemory):
    """With what it told and made."""

    async def visit(self, told: Message) -> Visit:
        await self.lane.submit(visiting.handlers(self.rounds)["visit-recorded"](told), seconds=30)
        assert isinstance(told.data, VisitRecorded)
        return VISITS.load(self.store.documents[Ref("visits", told.data.visit)])

    async def hear(self, told: Message) -> None:
        inner = agents.handlers(BOOKS, self.rules, new_id)
        handle = suggesting.handlers(inner, ACTIVITIES, self.teller)[TOPIC_OF[type(told.data)]]
        await self.lane.submit(handle(told), seconds=30)

    def suggested(self) -> Activity | None:
        document = self.store.documents.get(Ref("activities", suggestion_id("inc")))
        return None if document is None else ACTIVITIES.load(document)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield House(lane, store)
    Ledger.of(store).check()


async def test_each_household_is_paid_once_for_each_rider(house: House) -> None:
    await house.lane.submit(opening())
    first = await house.visit(visited())
    assert (first.outcome, first.points) == ("paid", 2)
    assert await house.visit(visited()) == first
    assert (await house.visit(visited("v2", minutes=30))).outcome == "again"
    assert (await house.visit(visited("v3", "bert", 20))).outcome == "paid"
    assert (await house.visit(visited("v4", minutes=10, household="3-2-502"))).points == 2
    assert house.ledger.balances() == {"anna": (4, 0), "bert": (2, 0)}
    assert {(line.activity, line.reason) for line in house.ledger.entries} == {("home_visit", "visited")}


async def test_the_campaign_says_by_which_activity(house: House) -> None:
    await house.lane.submit(opening(activity="volunteer"))
    assert (await house.visit(visited())).points == 4
    assert [line.rule for line in house.ledger.entries] == ["volunteer"]


async def test_too_soon_after_the_last_one_it_counts_and_pays_nothing(house: House) -> None:
    await house.lane.submit(opening())
    await house.visit(visited())
    soon = await house.visit(visited("v2", minutes=55, household="3-2-502"))
    assert (soon.outcome, soon.points) == ("paid", 0)
    assert [line.reason for line in house.ledger.lines("anna")] == ["visited", "cooldown"]


async def test_after_the_end_of_the_campaign_nothing_is_paid(house: House) -> None:
    await house.lane.submit(opening())
    await house.lane.submit(DecideCampaign(CAMPAIGNS, "camp", 1, to_closed, DESK, Context("staff:s2", "c")))
    closed_at = NOW
    assert (await house.visit(visited())).outcome == "paid"
    late = visited("v2", "bert", captured_at=closed_at, received_at=closed_at + timedelta(minutes=1))
    assert (await house.visit(late)).outcome == "closed"
    assert (await house.visit(visited("v3", campaign="other"))).outcome == "no_campaign"
    assert len(house.ledger.entries) == 1


async def test_a_visit_kept_before_it_could_be_paid_is_paid_when_it_is_heard_again(house: House) -> None:
    await house.lane.submit(opening())
    told = visited()
    assert isinstance(told.data, VisitRecorded)
    kept = visiting.visit_of(told.data)
    house.store.documents[Ref("visits", "v1")] = {**VISITS.dump(kept), "version": 1}
    assert (await house.visit(told)).outcome == "paid"
    assert (await house.visit(told)).points == 2
    assert len(house.ledger.entries) == 1


HELP: dict[str, Any] = {"category": {"scheme": "local", "code": "L04"}}


def story() -> list[EventData]:
    """A matter of the category that pays `help`, seen by two and fixed."""
    first, second = reported(**HELP), joined("bert", at=NINE + timedelta(minutes=9))
    return [first, moved("triaged"), second, resolved(first, second, **HELP)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_a_category_that_pays_another_activity_is_put_before_staff(house: House, order: tuple[int, ...]) -> None:
    told = in_envelopes(story())
    for number in order:
        await house.hear(told[number])
    suggested = house.suggested()
    assert suggested is not None
    assert (suggested.rider, suggested.kind, suggested.source, suggested.state, suggested.at, suggested.community) == (
        "anna",
        "help",
        "inc",
        State.RECORDED,
        NINE,
        "140302003005",
    )
    assert house.ledger.entries == []


async def test_what_staff_decided_about_it_stays(house: House) -> None:
    for told in in_envelopes(story()):
        await house.hear(told)
    approved = await house.decide(Act.APPROVE, LEAD, id_=suggestion_id("inc"))
    assert approved.paid == 3
    again = resolved(reported(**HELP), cycle=2, **HELP)
    for told in in_envelopes([*story(), moved("triaged"), again]):
        await house.hear(told)
    assert house.suggested() == approved
    assert house.ledger.balances() == {"anna": (3, 0)}


@pytest.mark.parametrize("decided", [False, True])
async def test_it_goes_with_the_place_until_it_is_decided(house: House, decided: bool) -> None:
    moving = IncidentChanged.model_validate(
        {"subdistrict": BEIDAJIE, "kind": "place", "incident": "inc", "actor_kind": "staff", "place": place(NEXT)}
        | {"severity": "N", "code": "7K3M-9QXA"}
    )
    told = in_envelopes([*story(), moving])
    for one in told[:-1]:
        await house.hear(one)
    if decided:
        await house.decide(Act.APPROVE, LEAD, id_=suggestion_id("inc"))
    await house.hear(told[-1])
    suggested = house.suggested()
    assert suggested is not None
    assert (suggested.community == NEXT) != decided


@pytest.mark.parametrize("code", ["P0101", "L05"])
async def test_hazards_and_what_pays_nothing_open_none(house: House, code: str) -> None:
    category: dict[str, Any] = {"category": {"scheme": "gb30428", "code": code}}
    for told in in_envelopes([reported(**category), moved("triaged"), resolved(reported(**category), **category)]):
        await house.hear(told)
    assert house.suggested() is None


async def test_the_final_category_decides(house: House) -> None:
    events = [reported(), moved("triaged"), recategorised("L04"), resolved(reported(), **HELP)]
    for told in in_envelopes(events):
        await house.hear(told)
    suggested = house.suggested()
    assert suggested is not None
    assert suggested.kind == "help"
    assert house.ledger.balances() == {}
    with pytest.raises(Exception, match="expected_version"):
        await house.decide(Act.APPROVE, STAFF, 9, suggestion_id("inc"))
