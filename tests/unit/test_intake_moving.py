"""Each report hangs on exactly one incident, whatever riders and staff do and in whatever order it is heard."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.moving import Heard, goes
from tests.support.memory import NOW
from tests.support.neighbours import Street, street

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "join", "apart", "merged", "unmerged", "parted"]), st.integers(0, 9), st.integers(0, 9)
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, chance=st.randoms(use_true_random=False))
def test_joins_rejections_merges_and_partings_in_any_order_leave_each_report_in_one_incident(
    steps: list[tuple[str, int, int]], chance: Any
) -> None:
    asyncio.run(_live(steps, chance))


async def _live(steps: list[tuple[str, int, int]], chance: Any) -> None:
    async with street() as here:
        first = await here.report("rider-first")
        incidents, reports, told = [first.incident], [first.id], []
        for number, (what, one, other) in enumerate(steps):
            mine, theirs = incidents[one % len(incidents)], incidents[other % len(incidents)]
            if what in ("open", "join", "apart"):
                answers: dict[str, dict[str, Any]] = {"join": {"join": mine}, "apart": {"not_same_as": [mine]}}
                said = answers.get(what, {})
                report = await here.report(f"rider-{number}", **said)
                incidents.append(report.incident)
                reports.append(report.id)
            elif what == "parted" or mine != theirs:
                target = f"parted-{number}" if what == "parted" else theirs
                kind = "merged" if what == "merged" else "unmerged"
                moved = (reports[other % len(reports)],)
                at = NOW + timedelta(seconds=number)
                told.append(here.change(mine, kind, at, other_incident=target, reports=moved))
            if told and chance.random() < 0.5:
                await here.lane.submit(told.pop(chance.randrange(len(told))))
                _check(here)
        for command in told:
            await here.lane.submit(command)
        _check(here)


def _check(here: Street) -> None:
    for report, homes in here.homes().items():
        assert homes == [here.stored(report).incident]


async def test_a_merge_takes_along_who_joined_meanwhile_and_tells_of_him_at_the_main_incident() -> None:
    async with street() as here:
        first, main = await here.report("rider-1"), await here.report("rider-2", 27.0)
        late = await here.report("rider-3", join=first.incident)
        await here.says(first.incident, "merged", other_incident=main.incident, reports=(first.id,))
        assert here.incident(main.incident).reports == (main.id, first.id, late.id)
        assert here.incident(first.incident).reports == ()
        assert [(told.kind, told.incident, told.report) for told in here.updates()] == [
            ("joined", first.incident, late.id),
            ("joined", main.incident, late.id),
        ]


async def test_what_is_parted_is_an_incident_of_its_own_and_never_offered_with_the_other_again() -> None:
    async with street() as here:
        main = await here.report("rider-1")
        joined = await here.report("rider-2", join=main.incident)
        await here.says("new", to_state="triaged")  # of another key, so it may be heard first
        await here.says(main.incident, "unmerged", other_incident="new", reports=(joined.id,))
        assert here.stored(joined.id).incident == "new"
        assert (here.incident("new").opened_by, here.spot("new").state) == ("", "triaged")
        assert here.spot("new").not_same == (main.incident,)
        assert {one.spot.id for one in await here.near()} == {main.incident, "new"}


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_newest_move_counts_in_whatever_order_the_keys_are_heard(swapped: bool) -> None:
    async with street() as here:
        first, main = await here.report("rider-1"), await here.report("rider-2", 27.0)
        heard = [
            here.change(first.incident, "merged", NOW, other_incident=main.incident, reports=(first.id,)),
            here.change(
                main.incident,
                "unmerged",
                NOW + timedelta(minutes=1),
                other_incident=first.incident,
                reports=(first.id,),
            ),
        ]
        for command in reversed(heard) if swapped else heard:
            await here.lane.submit(command)
        assert here.homes() == {first.id: [first.incident], main.id: [main.incident]}
        assert not goes(here.stored(first.id), Heard("merged", first.incident, first.incident, NOW))
