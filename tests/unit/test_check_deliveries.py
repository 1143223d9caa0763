"""Rule 8 beside the inbox: clean, each broken on purpose, and what retention has removed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.check.narrowing import about
from ops.check.rules import judge
from ops.check.snapshot import Snapshot
from ops.check.view_rules import inboxes
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Attempt, State, Way, planned
from services.notify.domain.digest import due_message
from services.notify.domain.message import Copy, Message, Recipient
from services.notify.domain.telling import Urgency
from tests.support.modelling import NOW, SUBDISTRICT, whole_story

MAIL = Way("smtp:anna", "smtp", Kind.SMTP)


@pytest.fixture(scope="module")
async def clean() -> Snapshot:
    """The whole story, and one mail that went out."""
    story = await whole_story()
    told = next(
        one for one in story.messages if one.urgency is not Urgency.URGENT and one.to[0].audience == "rider:anna"
    )
    gone = replace(planned(told, told.to[0], MAIL, None), state=State.SENT, code="250", ended=NOW)
    return replace(story, sendings=(gone, *story.sendings))


def red(snapshot: Snapshot) -> list[str]:
    """What rule 8 says; no other rule says anything."""
    found = {finding.rule: finding.violations for finding in judge(snapshot) if not finding.clean}
    assert set(found) <= {8}, found
    return list(found.get(8, ()))


def test_a_story_with_a_mail_and_groups_without_robots_is_clean(clean: Snapshot) -> None:
    assert {(one.state, one.code) for one in clean.sendings[1:]} == {(State.SKIPPED, "no_robot")}
    assert red(clean) == []
    one = about(clean, ["inc-1"])
    assert {copy.audience for told in one.messages for copy in told.to} >= {sent.audience for sent in one.sendings}
    assert red(one) == []


def mail(**changes: Any) -> Callable[[Snapshot], Snapshot]:
    """The mail, otherwise."""
    return lambda clean: replace(clean, sendings=(replace(clean.sendings[0], **changes), *clean.sendings[1:]))


def twice(clean: Snapshot) -> Snapshot:
    return replace(clean, sendings=(*clean.sendings, replace(clean.sendings[0], id="another")))


def no_word_of_a_group(clean: Snapshot) -> Snapshot:
    return replace(clean, sendings=clean.sendings[:-1])


def never_looked_at(clean: Snapshot) -> Snapshot:
    waiting = frozenset({clean.messages[0].id})
    return replace(clean, unplanned=waiting, taken_at=NOW + timedelta(minutes=2))


def still(
    state: State, *, due: datetime = NOW, after: timedelta = timedelta(hours=25)
) -> Callable[[Snapshot], Snapshot]:
    """The mail stored at `NOW` is not over so long after."""
    return lambda clean: replace(mail(state=state, code="", ended=None, due=due)(clean), taken_at=NOW + after)


@pytest.mark.parametrize(
    ("corrupt", "phrase"),
    [
        (mail(code=""), "does not say why"),
        (mail(ended=None), "does not say why"),
        (mail(audience="rider:nobody"), "rider:nobody has no such message"),
        (mail(attempts=(Attempt(NOW, "crash"), Attempt(NOW, "250"))), "was tried again after crash"),
        (still(State.WAITING), "is still waiting"),
        (still(State.SENDING), "is still sending"),
        (twice, "was sent 2 times to rider:anna by smtp:anna"),
        (no_word_of_a_group, "nothing says what became of it in group:"),
        (never_looked_at, "nobody has looked yet"),
    ],
)
def test_a_deliberate_corruption_turns_rule_8_red(
    clean: Snapshot, corrupt: Callable[[Snapshot], Snapshot], phrase: str
) -> None:
    (said,) = red(corrupt(clean))
    assert phrase in said


def test_what_waits_for_its_hour_and_what_is_urgent_may(clean: Snapshot) -> None:
    assert red(still(State.WAITING, after=timedelta(hours=1))(clean)) == []
    assert red(still(State.WAITING, due=NOW + timedelta(hours=30))(clean)) == [], "the night is waited for"
    again = (Attempt(NOW, "crash"), Attempt(NOW, "250"))
    assert red(mail(attempts=again, urgency=Urgency.URGENT)(clean)) == []


def test_a_message_that_nobody_looked_at_has_not_settled(clean: Snapshot) -> None:
    waiting = replace(clean, unplanned=frozenset({"m"}))
    assert waiting.unsettled() == ["notify: m was not looked at yet"]


def inbox(ages: Sequence[int], last: int) -> Snapshot:
    """An inbox whose copies were put in so many days ago, numbered from the end, of `last`."""
    puts = [NOW - timedelta(days=age) for age in ages]
    texts = [_text(number, at) for number, at in enumerate(puts, last - len(ages) + 1)]
    return Snapshot(NOW, messages=tuple(texts), recipients=(Recipient("rider:anna", SUBDISTRICT, last),))


def test_what_retention_removed_is_no_hole() -> None:
    kept = inbox([200, 3], last=4)
    assert _holes(kept) == ["missing 1, 2"], "nothing was removed, so nothing may be missing"
    aged = replace(kept, removed_before={"messages": NOW - timedelta(days=365)})
    assert _holes(aged) == []
    lost = replace(aged, messages=aged.messages[:1])
    assert _holes(lost) == ["missing 4"], "what came after a message that was kept was not removed by age"
    assert _holes(replace(aged, messages=(*aged.messages, aged.messages[0]))) == ["missing none"], "one stands twice"


def test_a_group_s_delivery_that_retention_removed_is_no_hole(clean: Snapshot) -> None:
    aged = replace(no_word_of_a_group(clean), removed_before={"deliveries": NOW + timedelta(days=1)})
    assert red(aged) == []


def _text(number: int, at: datetime) -> Message:
    digest = due_message(SUBDISTRICT, "rider:anna", at.date(), [], UTC)
    return replace(digest, at=at, to=(Copy("rider:anna", number, at),))


def _holes(snapshot: Snapshot) -> list[str]:
    return [said.rpartition("; ")[2] for said in inboxes(snapshot)[1] if "were put" in said]
