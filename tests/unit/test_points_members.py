"""Accounts as points knows them: the last change counts, and somebody to be forgotten is announced instead."""

from typing import Any

import pytest

from services.points import members
from services.points.domain.member import Member
from services.points.member_store import MEMBERS
from shared.contracts.account_changed import AccountChanged
from shared.contracts.envelope import Message
from shared.mongo.person import Announce, Nobody, handle_account
from shared.mongo.work import Ref
from shared.pseudonym import Pseudonyms
from tests.support.lanes import running
from tests.support.memory import MemoryTransactor
from tests.support.pointing import BEIDAJIE, message

NAMES = Pseudonyms(b"k" * 32)
HEAR = handle_account(NAMES, members.handlers(MEMBERS)["account-changed"])


def told(sequence: int, account: str = "anna", **changes: Any) -> Message:
    fields = {"subdistrict": BEIDAJIE, "account": account, "role": "rider", "status": "active", "squad": "squad-1"}
    return message(AccountChanged.model_validate({**fields, **changes}), sequence)


async def known(*changes: Message) -> Member | None:
    store = MemoryTransactor()
    async with running(store) as lane:
        for change in changes:
            await lane.submit(HEAR(change))
    document = store.documents.get(Ref("members", "anna"))
    return None if document is None else MEMBERS.load(document)


async def test_the_last_change_counts_in_whatever_order_they_come() -> None:
    first, second = told(1, status="trainee"), told(2, captain=True, community="140302003005")
    for order in ((first, second), (second, first), (first, second, first)):
        member = await known(*order)
        assert member == Member("anna", 2, BEIDAJIE, "rider", "active", "squad-1", True, "140302003005")
        assert not member.trainee
    trainee = await known(first)
    assert trainee is not None
    assert trainee.trainee


@pytest.mark.parametrize(
    ("account", "status", "command"),
    [("anna", "forgotten", Announce), (NAMES.of("anna"), "forgotten", Nobody), (NAMES.of("anna"), "active", Nobody)],
)
def test_who_is_to_be_forgotten_is_not_followed(account: str, status: str, command: type) -> None:
    assert isinstance(HEAR(told(3, account, status=status, squad=None)), command)


def test_a_service_that_knows_no_accounts_ticks_them_off() -> None:
    assert isinstance(handle_account(NAMES)(told(1)), Nobody)
