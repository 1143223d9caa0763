"""Recorded activities as commands: recorded once per client key, recommended, approved, rejected, taken back."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from services.points.domain.activity import FOR_CAPTAINS, Act, Activity, Line, State, approval, happens
from services.points.domain.entry import Passbook
from services.points.domain.member import Member
from services.points.paying import Due, Teller
from services.points.ports import Kept, Versioned
from services.points.writing import SERVICE
from shared.context import Context
from shared.contracts import vocabulary as words
from shared.contracts.activity_decided import ActivityDecided
from shared.contracts.activity_recorded import ActivityRecorded
from shared.contracts.topics import ACTIVITY_DECIDED, ACTIVITY_RECORDED
from shared.errors import Conflict, Forbidden, NotFound, Refused
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work
from shared.pseudonym import is_pseudonym
from shared.scope import Scope


class KeyReused(Refused):
    """The client key is taken by an activity with another content."""

    code = "client-key-reused"


class Trainee(Forbidden):
    """Trained before he serves: until then he is paid for meetings, trainings and rounds alone."""

    code = "trainee"


@dataclass(frozen=True, slots=True)
class Sight:
    """Which activities a caller sees: his own, a desk those of its communities, a captain (`squad`) those of his squad."""

    scope: Scope
    squad: str | None = None

    def sees(self, activity: Activity) -> bool:
        scope = self.scope
        of_squad = self.squad is not None and (activity.subdistrict, activity.squad) == (scope.subdistrict, self.squad)
        return activity.rider == scope.id or of_squad or scope.sees(activity.subdistrict, activity.community)


@dataclass(frozen=True, slots=True)
class Desk:
    """What decisions about activities are made of."""

    activities: Versioned[Activity]
    members: Kept[Member]
    teller: Teller


@dataclass(frozen=True, slots=True)
class RecordActivity:
    """Store what a rider did. The same wish again is answered with what is there: (activity, version, whether it was).

    When it came in is the commit's time; squad and community come from his account where points knows it.
    Raises `KeyReused`, `Trainee`.
    """

    desk: Desk
    wish: Activity
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.desk.activities.ref(self.wish.id), self.desk.members.ref(self.wish.rider)]

    def decide(self, work: Work) -> tuple[Activity, int, bool]:
        before = self.desk.activities.get(work, self.wish.id)
        if before is not None:
            if before.fingerprint != self.wish.fingerprint:
                raise KeyReused("client_key: was used before for an activity with another content")
            return before, self.desk.activities.version(work, before.id), True
        member = self.desk.members.get(work, self.wish.rider)
        if member is not None and member.trainee:
            raise Trainee("you are in training; what you do counts from the day on which you serve")
        stored = self._stored(member, work)
        return stored, self.desk.activities.put(work, stored, *self._told(stored)), False

    def _told(self, stored: Activity) -> Iterable[Outgoing]:
        """To whoever keeps the photos, or they would be swept as nobody's; and to the captain who may recommend it."""
        squad = stored.squad if stored.kind in FOR_CAPTAINS else None
        if not stored.photo_ids and squad is None:
            return
        data = ActivityRecorded(
            subdistrict=stored.subdistrict,
            recorded_activity=stored.id,
            rider=stored.rider,
            activity=cast(words.Activity, stored.kind),
            community=stored.community,
            squad=squad,
            photo_ids=stored.photo_ids,
            recorded_at=stored.received_at,
        )
        yield Outgoing(SERVICE, ACTIVITY_RECORDED.name, data, stored.received_at, self.context)

    def _stored(self, member: Member | None, work: Work) -> Activity:
        wish = self.wish
        return replace(
            wish,
            received_at=work.now,
            at=self.desk.teller.counted_at(wish.subdistrict, wish.captured_at, work.now),
            squad=member.squad if member else wish.squad,
            community=wish.community or (member.community if member else None),
            lines=(Line(work.now, Act.RECORD, self.context.actor),),
        )


@dataclass(frozen=True, slots=True)
class DecideActivity:
    """Recommend, approve, reject or take back. Answers the activity with its new version.

    `Act.APPROVE` is the first of two approvals where that much needs two. Raises `NotFound`, `Forbidden`, or `Conflict` if it
    was changed since `expected` or is decided.
    """

    desk: Desk
    id: str
    expected: int
    act: Act
    sight: Sight
    context: Context
    reason: str | None = None

    def reads(self) -> Iterable[Ref]:
        return [self.desk.activities.ref(self.id)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        found = self.desk.activities.get(work, self.id)
        if found is None or self.act not in (Act.APPROVE, Act.REJECT):
            return ()
        return self.desk.teller.refs(due_of(found))

    def decide(self, work: Work) -> tuple[Activity, int]:
        before = self._found(work)
        act = self._act(before)
        after = happens(before, act, self.context.actor, work.now, self.reason)
        if after.state is State.APPROVED:
            after = replace(after, paid=self.desk.teller.pay(work, due_of(after), "approved", self.context))
        version = self.desk.activities.put(work, after)
        if after.state in (State.APPROVED, State.REJECTED) and not is_pseudonym(after.rider):
            self._tell(work, after, version)
        return after, version

    def _found(self, work: Work) -> Activity:
        found = self.desk.activities.get(work, self.id)
        if found is None or not self.sight.sees(found):
            raise NotFound("there is no such activity for you")
        version = self.desk.activities.version(work, self.id)
        if version != self.expected:
            raise Conflict(f"expected_version: is {version} by now; look again")
        return found

    def _act(self, found: Activity) -> Act:
        if self.act is not Act.APPROVE:
            return self.act
        if is_pseudonym(found.rider):
            raise Conflict("who did it has been forgotten", code="forgotten")
        return approval(found, needs_two=self.desk.teller.needs_two(due_of(found)))

    def _tell(self, work: Work, decided: Activity, version: int) -> None:
        """Beside the passbook, from which everything that its rider is told is numbered."""
        teller = self.desk.teller
        book = teller.books.passbooks.get(work, decided.rider)
        book = book or Passbook(decided.rider, decided.subdistrict, teller.new_id())
        kind, _, _ = self.context.actor.partition(":")
        data = ActivityDecided.model_validate(
            {
                "subdistrict": book.subdistrict,
                "kind": decided.state.value,
                "recorded_activity": decided.id,
                "version": version,
                "rider": decided.rider,
                "activity": decided.kind,
                "actor_kind": kind,
                "reason": self.reason,
            }
        )
        teller.books.passbooks.put(work, book, Outgoing(SERVICE, ACTIVITY_DECIDED.name, data, work.now, self.context))


def due_of(activity: Activity) -> Due:
    """What its approval pays."""
    return Due(activity.subdistrict, activity.rider, activity.kind, activity.id, activity.at)
