"""Following accounts: role, squad, community and status, as `account-changed` tells them."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.points.domain.member import Member, newer
from services.points.ports import Kept
from shared.contracts.account_changed import AccountChanged
from shared.contracts.envelope import Message
from shared.contracts.topics import ACCOUNT_CHANGED
from shared.mongo.inbox import Handle
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class FollowMember:
    """Copy what intake says of an account."""

    members: Kept[Member]
    told: Member

    def reads(self) -> Iterable[Ref]:
        return [self.members.ref(self.told.id)]

    def decide(self, work: Work) -> None:
        known = self.members.get(work, self.told.id)
        now = newer(known, self.told)
        if now != known:
            self.members.put(work, now)


def handlers(members: Kept[Member]) -> dict[str, Handle]:
    """Beside those of `agents`; somebody who is to be forgotten is dealt with by `shared.mongo.person`."""

    def account_changed(message: Message) -> FollowMember:
        assert isinstance(message.data, AccountChanged)  # the only type on this topic
        return FollowMember(members, member_of(message.data, message.envelope.sequence))

    return {ACCOUNT_CHANGED.name: account_changed}


def member_of(told: AccountChanged, sequence: int) -> Member:
    """The account in the words of points."""
    return Member(
        id=told.account,
        told=sequence,
        subdistrict=told.subdistrict,
        role=told.role,
        status=told.status,
        squad=told.squad,
        captain=told.captain is True,
        community=told.community,
    )
