"""How audiences are reached, by reference data; when it is night; what desks see of groups."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.notify.audience_book import AudienceBook
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Delivery
from services.notify.domain.message import Copy, Message
from services.notify.domain.preferences import Contacts, Preferences
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import Text
from services.notify.planning import Planning
from services.notify.rules import ReferenceNames
from services.notify.ways import ReferenceWays
from shared.reference import Reference, load
from shared.scope import Scope
from tests.support.memory import NOW
from tests.support.reference import copy_of_sample
from tests.support.sending import delivery

TOWN, HERE = "140302003", "140302003001"
OFFICERS, UNIT = f"group:officers-{HERE}", f"group:unit-{HERE}00101"
FILE = f"""
robots:
  - {{code: one, channel: wecom, audience: "{OFFICERS}", secret: s1, per_minute: 10}}
  - {{code: two, channel: feishu, audience: "{OFFICERS}", secret: s2, language: en}}
"""


class Nobody:
    async def of(self, account: str) -> tuple[Preferences | None, Contacts | None, str | None]:
        return None, None, HERE


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    directory: Path = copy_of_sample(tmp_path_factory.mktemp("reference"))
    (directory / "channels.yaml").write_text(FILE)
    return load(directory)


def message(public: bool = True) -> Message:
    text = Text("t", "x", "n")
    return Message(
        "m|officers",
        TOWN,
        "m",
        "inc",
        "7K3M-9QXA",
        "group_new",
        {},
        Urgency.NORMAL,
        text,
        text,
        "/",
        NOW,
        public=public,
    )


async def test_robots_speak_for_their_audience_each_in_its_language(reference: Reference) -> None:
    ways = ReferenceWays(reference, Nobody())
    found, community = await ways.of(OFFICERS, message())
    assert [(way.endpoint, way.line, way.channel, way.language) for way in found] == [
        ("one", "one", Kind.WECOM, "zh"),
        ("two", "two", Kind.FEISHU, "en"),
    ]
    assert community == HERE
    assert await ways.of(UNIT, message()) == ([], HERE)
    assert await ways.of("rider:r1", message()) == ((), HERE)


async def test_an_endpoint_names_its_secret_and_its_limits_and_one_that_was_removed_is_none(
    reference: Reference,
) -> None:
    ways = ReferenceWays(reference, Nobody())
    found = await ways.endpoint(delivery(1, "one"))
    assert found is not None
    assert (found.secret_name, found.limits.per_minute, found.limits.max_bytes) == ("s1", 10, 2048)
    assert await ways.endpoint(delivery(1, "removed")) is None
    assert await ways.endpoint(replace(delivery(1, "smtp:r1"), channel=Kind.SMTP)) is None


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("21:59", None),
        ("22:00", "25T07:00"),
        ("23:30", "25T07:00"),
        ("00:10", "24T07:00"),
        ("06:59", "24T07:00"),
        ("07:00", None),
    ],
)
def test_the_night_is_by_the_sub_districts_clock(reference: Reference, local: str, until: str | None) -> None:
    at = datetime.fromisoformat(f"2026-11-24T{local}:00+08:00").astimezone(UTC)
    found = ReferenceWays(reference, Nobody()).quiet_until(TOWN, at)
    assert found == (until and datetime.fromisoformat(f"2026-11-{until}:00+08:00"))


class Drafts:
    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.kept: list[Delivery] = []

    async def unplanned(self, limit: int) -> list[tuple[Message, int]]:
        return [(one, 1) for one in self.messages]

    async def keep(self, deliveries: Sequence[Delivery]) -> int:
        self.kept += deliveries
        return 0

    async def planned(self, message: str, version: int) -> None:
        self.messages.clear()


@pytest.mark.parametrize(
    ("audience", "public", "expected"),
    [
        (OFFICERS, True, {("one", "waiting", ""), ("two", "waiting", "")}),
        (OFFICERS, False, {("one", "skipped", "not_public"), ("two", "skipped", "not_public")}),
        (UNIT, True, {("none", "skipped", "no_robot")}),
        ("rider:r1", True, set()),
    ],
)
async def test_nothing_is_said_aloud_that_is_not_public_and_silence_has_a_code(
    reference: Reference, audience: str, public: bool, expected: set[tuple[str, str, str]]
) -> None:
    drafts = Drafts(replace(message(public), to=(Copy(audience, 1, NOW),)))
    await Planning(drafts, ReferenceWays(reference, Nobody()), lambda: NOW).step()
    assert {(one.endpoint, one.state.value, one.code) for one in drafts.kept} == expected


def test_a_desk_sees_its_own_part_of_the_group_tree(reference: Reference) -> None:
    book = AudienceBook(reference, ReferenceNames(reference).all_groups)
    all_, here = (book.seen(Scope("s", "staff:s", TOWN, True, codes)) for codes in ((), (HERE,)))
    levels: Callable[[str], int] = lambda level: sum(one.level == level for one in all_)  # noqa: E731
    assert {name: levels(name) for name in ("community", "officers", "unit", "squad", "staff", "leads")} == {
        "community": 9, "officers": 9, "unit": 325, "squad": 9, "staff": 9, "leads": 1}  # fmt: skip
    assert {one.community for one in here} == {HERE}
    unit = next(one for one in here if one.code == UNIT)
    officers = next(one for one in here if one.code == OFFICERS)
    assert (unit.above, officers.above) == (OFFICERS, f"group:community-{HERE}")
    assert (unit.robots, officers.robots) == ((), ("wecom", "feishu"))
    assert book.seen(Scope("s", "staff:s", "140302004", True)) == []


def test_one_grid_one_group(reference: Reference) -> None:
    scope = Scope("s", "staff:s", TOWN, True)
    assert AudienceBook(reference, ReferenceNames(reference).all_groups).grids_without_group(scope) == []
    lonely = replace(
        reference, groups={code: one for code, one in reference.groups.items() if code != UNIT.removeprefix("group:")}
    )
    assert AudienceBook(lonely, {}).grids_without_group(scope) == [f"{HERE}00101"]
