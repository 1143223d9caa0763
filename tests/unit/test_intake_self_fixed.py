"""The rider put it right himself: before and after, told to the others and shown to desks and departments."""

from typing import Any

import pytest

from services.intake.forms import ReportIn
from services.intake.store import INCIDENTS
from services.intake.taking import Sender, take_report
from shared.context import Context
from shared.contracts.incident_reported import IncidentReported
from shared.errors import Invalid
from shared.scope import Scope
from tests.support.intaking import MemoryPhotos, photo, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import MemoryTransactor

SENDER = Sender(Scope("rider-1", "rider:rider-1", "140302003"), "rider-1", Context("rider:rider-1", "s"))
FAR = (113.7, 37.9)


def photos(store: MemoryTransactor, **more: Any) -> MemoryPhotos:
    found = [photo("before"), photo("after", gps=more.get("gps")), photo("theirs", "rider:rider-2")]
    return MemoryPhotos({one.id: one for one in found}, store)


async def take(store: MemoryTransactor, seen: MemoryPhotos, **changes: Any) -> Any:
    async with running(store) as lane:
        usual: dict[str, Any] = {"self_fixed": True, "photo_ids": ["before"], "after_photo_ids": ["after"]}
        return await take_report(taking(lane, store, seen), ReportIn(**wish(**{**usual, **changes})), SENDER)


async def test_before_and_after_are_stored_told_and_shown() -> None:
    store = MemoryTransactor()
    stored = (await take(store, photos(store))).report
    assert (stored.photo_ids, stored.after_photo_ids, stored.flags) == (("before",), ("after",), ("self_fixed",))
    (_, told), *others = published(store)
    assert isinstance(told.data, IncidentReported)
    assert not others
    assert (told.data.photo_ids, told.data.after_photo_ids) == (("before",), ("after",))
    assert (told.data.flags, told.data.entered_by) == (("self_fixed",), None)
    # what desks and departments may see, and what keeps its bytes, goes by the incident
    assert INCIDENTS.load(store.documents[INCIDENTS.ref(stored.incident)]).photo_ids == ("before", "after")


async def test_an_after_photo_from_elsewhere_is_flagged() -> None:
    store = MemoryTransactor()
    stored = (await take(store, photos(store, gps=FAR))).report
    assert stored.flags == ("self_fixed", "location_conflict")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"after_photo_ids": []}, "after_photo_ids"),
        ({"photo_ids": []}, "photo_ids"),
        ({"self_fixed": False}, "after_photo_ids"),
        ({"after_photo_ids": ["theirs"]}, "after_photo_ids.0"),
        ({"after_photo_ids": ["nothing"]}, "after_photo_ids.0"),
        ({"after_photo_ids": ["before"]}, "after_photo_ids.0"),
        ({"after_photo_ids": ["after", "after"]}, "after_photo_ids.1"),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_field_and_nothing_is_stored(
    changes: dict[str, Any], field: str
) -> None:
    store = MemoryTransactor()
    with pytest.raises(Invalid) as refused:
        await take(store, photos(store), **changes)
    assert [error.field for error in refused.value.errors] == [field]
    assert not published(store)
    assert not [ref for ref in store.documents if ref.collection == "reports"]


async def test_a_usual_report_is_as_before() -> None:
    store = MemoryTransactor()
    stored = (await take(store, photos(store), self_fixed=False, after_photo_ids=[])).report
    assert (stored.flags, stored.after_photo_ids, stored.entered_by, stored.sender) == ((), (), None, "rider-1")
