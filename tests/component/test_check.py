"""`qianshao check` over the real house: clean after a whole story, and one deliberate corruption for each rule."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.look import Look
from shared.contracts.envelope import Envelope, Message, encode
from shared.contracts.event import EventData
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.report_updated import ReportUpdated
from shared.ids import new_id
from tests.support.checking import (
    Story,
    behind_the_scenes,
    changed,
    qianshao,
    removed,
    violations,
    whole_story,
    write_down,
)
from tests.support.house import SUBDISTRICT, House, eventually

CONSUMERS = ("dispatch", "points", "notify")
"""Who reads incident-reported."""


@pytest.fixture
async def look(house: House) -> AsyncIterator[Look]:
    async with behind_the_scenes(house) as look:
        yield look


@pytest.fixture(scope="module")
async def story(the_house: House) -> Story:
    return await whole_story(the_house, f"rider-{new_id()}")


async def test_a_whole_story_is_clean(house: House, look: Look) -> None:
    rider = f"rider-{new_id()}"
    stories = [await whole_story(house, rider) for _ in range(2)]
    assert await violations(look, *stories) == {}


async def test_rule_1_a_report_under_another_id(house: House, look: Look, story: Story) -> None:
    async with changed(house, "intake", "reports", story.report, client_key=new_id()):
        await _only(1, look, story)
    assert await violations(look, story) == {}


async def test_rule_2_an_incident_that_nobody_looked_at(house: House, look: Look, story: Story) -> None:
    async with changed(house, "dispatch", "incidents", story.incident, state="reported"):
        await _only(2, look, story)
    assert await violations(look, story) == {}


async def test_rule_3_a_resolution_that_points_did_not_process(house: House, look: Look, story: Story) -> None:
    row = f"incident-resolved|/{SUBDISTRICT}/dispatch|incident-resolved:{story.incident}:1"
    async with removed(house, "points", "inbox", row):
        await _only(3, look, story)
    assert await violations(look, story) == {}


async def test_rule_4_a_passbook_that_shows_one_point_more(house: House, look: Look, story: Story) -> None:
    (book,) = await house.find("points", "passbooks", {"_id": story.rider})
    async with changed(house, "points", "passbooks", story.rider, balance=book["balance"] + 1):
        await _only(4, look, story)
    assert await violations(look, story) == {}


async def test_rule_8_a_message_without_english(house: House, look: Look, story: Story) -> None:
    (told,) = await house.find("notify", "messages", {"incident": story.incident, "template": "fixed"})
    empty = {"title": "", "text": "", "next": ""}
    async with changed(house, "notify", "messages", told["_id"], en=empty):
        await _only(8, look, story)
    async with removed(house, "notify", "messages", told["_id"]):
        found = await _only(8, look, story)
        assert any(told["_id"] in violation and "is missing" in violation for violation in found)
    assert await violations(look, story) == {}


async def test_rule_8_a_group_s_message_without_an_outcome(house: House, look: Look, story: Story) -> None:
    found = await house.find("notify", "deliveries", {"incident": story.incident})
    of_group = next(one for one in found if one["audience"].startswith("group:"))
    async with removed(house, "notify", "deliveries", of_group["_id"]):
        (said,) = await _only(8, look, story)
        assert of_group["message"] in said
        assert "nothing says what became of it" in said
    async with changed(house, "notify", "deliveries", of_group["_id"], code=""):
        await _only(8, look, story)
    assert await violations(look, story) == {}


async def test_rule_9_a_view_that_lacks_a_step(house: House, look: Look, story: Story) -> None:
    (status,) = await house.find("intake", "statuses", {"_id": story.incident})
    async with changed(house, "intake", "statuses", story.incident, steps=status["steps"][:-1]):
        await _only(9, look, story)
    (case,) = await house.find("notify", "cases", {"_id": story.incident})
    async with changed(house, "notify", "cases", story.incident, returned=case["returned"] + 1):
        await _only(9, look, story)
    (paid,) = await house.find("points", "incidents", {"_id": story.incident})
    async with changed(house, "points", "incidents", story.incident, changes=paid["changes"] - 1):
        await _only(9, look, story)
    assert await violations(look, story) == {}


async def test_rule_6_a_dead_letter_with_other_bytes(house: House, look: Look) -> None:
    mine = await whole_story(house, f"rider-{new_id()}")
    poison = f"no event {mine.incident}".encode()
    await house.send("intake", "incident-reported", poison, [], key=mine.incident.encode())

    async def buried() -> list[Any]:
        found = [await house.find(service, "dead_letters", {"value": poison}) for service in CONSUMERS]
        return found[0] if all(found) else []

    (letter,) = await eventually("all three bury it", buried)
    await house.settled()
    assert await violations(look, mine) == {}, "poison that became a dead letter everywhere is as it should be"
    async with changed(house, "dispatch", "dead_letters", letter["_id"], value=b"other bytes"):
        await _only(6, look, mine)
    async with removed(house, "points", "dead_letters", letter["_id"]):
        await _only(6, look, mine)
    assert await violations(look, mine) == {}


async def test_rule_7_a_level_that_fires_twice_and_early(house: House, look: Look) -> None:
    mine = await whole_story(house, f"rider-{new_id()}")
    (incident,) = await house.find("dispatch", "incidents", {"_id": mine.incident})
    (order,) = incident["orders"]
    names = ("id", "department", "state", "accept_by", "due_at")
    data = IncidentChanged.model_validate(
        {
            "subdistrict": SUBDISTRICT,
            "kind": "escalated",
            "incident": mine.incident,
            "code": mine.code,
            "actor_kind": "system",
            "level": "community_lead",
            "order": {name: order[name] for name in names},
        }
    )
    number = incident["sequences"]["incident-changed"]
    await _forge(house, "incident-changed", f"incident-changed:{mine.incident}:900:0", number + 1, data)
    await _forge(house, "incident-changed", f"incident-changed:{mine.incident}:901:0", number + 2, data)
    found = await _only(7, look, mine)
    assert sum("before" in violation for violation in found) == 2
    assert sum("2 times" in violation for violation in found) == 1


async def test_rule_5_a_number_that_is_missing(house: House, look: Look) -> None:
    mine = await whole_story(house, f"rider-{new_id()}")
    data = ReportUpdated.model_validate(
        {
            "subdistrict": SUBDISTRICT,
            "kind": "comment",
            "incident": mine.incident,
            "report": mine.report,
            "rider": mine.rider,
            "text": "还是没修好",
            "received_at": datetime.now(UTC),
        }
    )
    await _forge(house, "report-updated", f"report-updated:{mine.incident}:2", 2, data)
    await _only(5, look, mine)


async def test_the_command_says_clean_or_broken_or_that_it_cannot_look(
    house: House, story: Story, tmp_path: Path
) -> None:
    status, _, said = await qianshao(tmp_path, "check")
    assert status == 2
    assert "running.json" in said
    write_down(house, tmp_path)
    status, out, _ = await qianshao(tmp_path, "check", "-o", "json", "--incident", story.incident)
    found = json.loads(out)
    assert (status, found["clean"], [finding["rule"] for finding in found["findings"]]) == (0, True, [*range(1, 10)])
    async with changed(house, "intake", "reports", story.report, client_key=new_id()):
        status, out, _ = await qianshao(tmp_path, "check", "--incident", story.incident)
    assert status == 1
    assert story.report in out
    status, out, _ = await qianshao(tmp_path, "check", "--incident", "no-such-incident")
    assert status == 1
    assert "counted nothing" in out


async def _only(rule: int, look: Look, story: Story) -> tuple[str, ...]:
    """Exactly this rule is red. Returns its violations."""
    found = await violations(look, story)
    assert list(found) == [rule], found
    return found[rule]


async def _forge(house: House, topic: str, id_: str, sequence: int, data: EventData) -> None:
    """Put a well-formed event on a topic that no service has sent."""
    now = datetime.now(UTC)
    envelope = Envelope(
        id=id_,
        type=data.TYPE,
        source=f"/{SUBDISTRICT}/{'dispatch' if topic == 'incident-changed' else 'intake'}",
        subject=data.subject,
        time=now,
        recorded_time=now,
        partition_key=data.subject,
        sequence=sequence,
        cycle=1,
        correlation_id="forged",
        causation_id=None,
        actor="system:test",
        traceparent=None,
    )
    headers, value = encode(Message(envelope, data))
    await house.send("broker", topic, value, headers, key=data.subject.encode())
