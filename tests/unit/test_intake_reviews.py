"""A flagged report is decided once, by somebody who had no part in it, and the others are told with it."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.abuse import Finding
from services.intake.domain.review import Review
from services.intake.forms import VerdictIn
from services.intake.reviews import DecideReview
from services.intake.store import REPORTS
from shared.context import Context
from shared.contracts.report_judged import ReportJudged
from shared.errors import Conflict, Forbidden, NotFound, Refused
from shared.scope import Scope
from tests.support.intaking import report
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor

REVIEW = Review((Finding("same_photo", 2, "p1", "r0", "p0"),), sent_by="s1")
DESK = Scope("s2", "staff:s2", "140302003", desk=True)


def decide(**changes: Any) -> DecideReview:
    usual: dict[str, Any] = {
        "reports": REPORTS,
        "report": "r1",
        "verdict": "bogus",
        "reason": "网上的图，问 13812345678",
        "expected_version": 1,
        "scope": DESK,
        "context": Context("staff:s2", "story"),
    }
    return DecideReview(**{**usual, **changes})


def flagged(**changes: Any) -> MemoryTransactor:
    store = MemoryTransactor()
    found = report(**{"review": REVIEW, "flags": ("same_photo",), **changes})
    store.documents[REPORTS.ref("r1")] = {**REPORTS.dump(found), "version": 1}
    return store


async def test_a_verdict_is_stored_and_told() -> None:
    store = flagged()
    async with running(store) as lane:
        judged = await lane.submit(decide())
    stored = REPORTS.load(store.documents[REPORTS.ref("r1")]).review
    assert stored is not None
    assert (stored.state, stored.decided_by, judged.version) == ("bogus", "s2", 2)
    ((_, message),) = published(store, "report-judged")
    told = message.data
    assert isinstance(told, ReportJudged)
    assert (told.kind, told.report, told.rider, told.flags, told.actor_kind) == (
        ("bogus", "r1", "rider-1", ("same_photo",), "staff")
    )
    assert told.reason is not None
    assert "1381234" not in told.reason


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": Scope("s1", "staff:s1", "140302003", desk=True)}, Forbidden),
        ({"scope": Scope("rider-1", "staff:rider-1", "140302003", desk=True)}, Forbidden),
        ({"scope": Scope("s3", "staff:s3", "140302004", desk=True)}, NotFound),
        ({"scope": Scope("s3", "staff:s3", "140302003", desk=True, communities=("elsewhere",))}, NotFound),
        ({"report": "r9"}, NotFound),
        ({"expected_version": 2}, Conflict),
    ],
)
async def test_who_and_what_is_refused(changes: dict[str, Any], error: type[Refused]) -> None:
    store = flagged()
    async with running(store) as lane:
        with pytest.raises(error):
            await lane.submit(decide(**changes))
    assert published(store, "report-judged") == []


async def test_decided_is_decided_and_unflagged_is_none() -> None:
    store = flagged()
    async with running(store) as lane:
        await lane.submit(decide(verdict="ok", reason=None))
        with pytest.raises(Conflict):
            await lane.submit(decide(expected_version=2))
    assert len(published(store, "report-judged")) == 1
    plain = flagged(review=None)
    async with running(plain) as lane:
        with pytest.raises(NotFound):
            await lane.submit(decide())


def test_bogus_needs_a_reason() -> None:
    VerdictIn(verdict="ok", expected_version=1)
    with pytest.raises(ValidationError, match="reason"):
        VerdictIn(verdict="bogus", reason="  ", expected_version=1)
