"""Following accounts: role, squad, community and status, as `account-changed` tells them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.notify.domain.case import rider_audience
from services.notify.domain.member import Member, Squad, captain_of, newer
from services.notify.ports import Books, Kept
from shared.contracts.account_changed import AccountChanged
from shared.contracts.envelope import Message
from shared.contracts.topics import ACCOUNT_CHANGED
from shared.mongo.inbox import Handle
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class FollowMember:
    """Copy what intake says of an account."""

    members: Kept[Member]
    books: Books
    told: Member

    def reads(self) -> Iterable[Ref]:
        squads = self.books.squads
        led = [] if self.told.squad is None else [squads.ref(self.told.squad)]
        # A squad names its captain, so his inbox is declared: an activity later in the batch writes to it.
        return [self.members.ref(self.told.id), self.books.recipients.ref(rider_audience(self.told.id)), *led]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """The squad that he led until now."""
        led = captain_of(self.members.get(work, self.told.id))
        return [] if led is None else [self.books.squads.ref(led)]

    def decide(self, work: Work) -> None:
        known = self.members.get(work, self.told.id)
        now = newer(known, self.told)
        if now != known:
            self.members.put(work, now)
            self._lead(work, captain_of(known), captain_of(now))

    def _lead(self, work: Work, before: str | None, after: str | None) -> None:
        squads, id_ = self.books.squads, self.told.id
        for code in dict.fromkeys(code for code in (before, after) if code is not None):
            squad = squads.get(work, code) or Squad(code)
            others = tuple(one for one in squad.captains if one != id_)
            led = replace(squad, captains=(*others, id_) if code == after else others)
            if led != squad:
                squads.put(work, led)


def handlers(members: Kept[Member], books: Books) -> dict[str, Handle]:
    """Beside those of `agents`; somebody who is to be forgotten is dealt with by `shared.mongo.person`."""

    def account_changed(message: Message) -> FollowMember:
        assert isinstance(message.data, AccountChanged)  # the only type on this topic
        return FollowMember(members, books, member_of(message.data, message.envelope.sequence))

    return {ACCOUNT_CHANGED.name: account_changed}


def member_of(told: AccountChanged, sequence: int) -> Member:
    """The account in the words of notify."""
    return Member(
        id=told.account,
        told=sequence,
        subdistrict=told.subdistrict,
        role=told.role,
        status=told.status,
        squad=told.squad,
        captain=told.captain is True,
        community=told.community,
        department=told.department,
    )
