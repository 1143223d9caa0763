"""Preferences and addresses: used once confirmed, chosen by topic, and never in the way of the inbox."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.notify.address_store import CONTACTS, PREFERENCES
from services.notify.contacts import MOST_TRIES, Confirm, PutAddress, PutPreferences, of_form
from services.notify.delivery_store import DELIVERIES
from services.notify.domain.channel import Kind
from services.notify.domain.delivery import Way
from services.notify.domain.preferences import Address, Contacts, Topic, personal_ways, topic_of
from shared.errors import Invalid
from shared.mongo.lane import Lane
from shared.mongo.work import Ref
from tests.support.lanes import running
from tests.support.memory import NOW, MemoryTransactor

MAIL, PHONE = "zhang@example.cn", "13812345678"


class Own:
    """One rider's choices over a memory store."""

    def __init__(self, store: MemoryTransactor, lane: Lane) -> None:
        self.store, self.lane = store, lane

    async def put(self, kind: Kind, value: str | None, code: str = "123456") -> None:
        command = PutAddress(
            CONTACTS, PREFERENCES, DELIVERIES, "r1", "140302003", kind, value, code, f"contact|r1|{code}"
        )
        await self.lane.submit(command)

    async def confirm(self, code: str, kind: Kind = Kind.SMTP) -> bool:
        return bool(await self.lane.submit(Confirm(CONTACTS, "r1", kind, code)))

    def address(self, kind: Kind = Kind.SMTP) -> Address | None:
        found = self.store.documents.get(Ref("contacts", "r1"))
        return CONTACTS.load(found).addresses.get(kind) if found else None

    def sent(self) -> list[dict[str, Any]]:
        return [
            document for ref, document in self.store.documents.items() if ref.collection == "deliveries" and document
        ]


@pytest.fixture
async def own() -> AsyncIterator[Own]:
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Own(store, lane)


async def test_a_code_goes_to_a_new_address_and_it_counts_once_the_code_comes_back(own: Own) -> None:
    await own.put(Kind.SMTP, MAIL)
    (code,) = own.sent()
    assert (code["channel"], code["template"], "123456" in code["title"]) == ("smtp", "contact_code", True)
    assert MAIL not in str(code)
    assert not await own.confirm("000000")
    assert own.address() == Address(MAIL, False, "123456", NOW + timedelta(hours=12), 1)
    assert await own.confirm("123456")
    assert own.address() == Address(MAIL, True)
    assert await own.confirm("999999"), "it stays confirmed"


async def test_guessing_ends_and_so_does_the_code(own: Own) -> None:
    await own.put(Kind.SMTP, MAIL)
    assert not any([await own.confirm("000000") for _ in range(MOST_TRIES)])
    assert not await own.confirm("123456")
    await own.put(Kind.SMTP, MAIL, "654321")
    own.store.now = NOW + timedelta(hours=13)
    assert not await own.confirm("654321")


async def test_another_address_has_to_be_confirmed_again_and_one_can_be_taken_back(own: Own) -> None:
    await own.put(Kind.SMTP, MAIL)
    await own.put(Kind.SMS, PHONE, "111111")
    assert await own.confirm("123456")
    await own.put(Kind.SMTP, "other@example.cn", "222222")
    changed = own.address()
    assert changed is not None
    assert not changed.confirmed
    await own.put(Kind.SMTP, None, "333333")
    assert own.address() is None
    assert own.address(Kind.SMS) is not None
    assert not await own.confirm("222222")


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.SMTP, "nobody"), (Kind.SMTP, "a@b\r\nBcc: x@y.cn"), (Kind.SMS, "110")]
)
async def test_what_is_no_address_is_refused_and_nothing_is_kept(own: Own, kind: Kind, value: str) -> None:
    with pytest.raises(Invalid):
        await own.put(kind, value)
    assert not own.store.documents


async def test_the_same_wish_twice_is_one_document_and_one_change(own: Own) -> None:
    wishes = [
        of_form("r1", "140302003", "en", {Topic.POINTS: kinds}) for kinds in ((Kind.SMS, Kind.SMTP, Kind.SMS),) * 2
    ]
    for wish in wishes:
        await own.lane.submit(PutPreferences(PREFERENCES, wish))
    assert own.store.transactions == 1


def test_a_way_is_chosen_by_topic_and_only_to_a_confirmed_address() -> None:
    contacts = Contacts("r1", "s", {Kind.SMTP: Address(MAIL, True), Kind.SMS: Address(PHONE, False)})
    both = of_form("r1", "s", "en", {Topic.DANGER: (Kind.SMTP, Kind.SMS), Topic.POINTS: (Kind.SMS,)})
    assert personal_ways("r1", both, contacts, Topic.DANGER) == (Way("smtp:r1", "smtp", Kind.SMTP, "en"),)
    assert personal_ways("r1", both, contacts, Topic.POINTS) == ()
    assert personal_ways("r1", both, contacts, Topic.REPORTS) == ()
    assert personal_ways("r1", None, contacts, Topic.DANGER) == personal_ways("r1", both, None, Topic.DANGER) == ()


def test_what_a_message_is_about() -> None:
    assert topic_of("points_reversed", urgent=False) is Topic.POINTS
    assert topic_of("activity_rejected", urgent=False) is Topic.POINTS
    assert topic_of("fixed", urgent=False) is Topic.REPORTS
    assert topic_of("notice", urgent=False) is Topic.NOTICES
    assert topic_of("notice", urgent=True) is Topic.DANGER
