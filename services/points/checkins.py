"""Being there as commands: a rider scans the code, or staff tick the roster; each rider is paid once per gathering."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.points.domain.checkin import Checkin, How, Refusal, Token, checkin_id, how, invited
from services.points.domain.gathering import Gathering
from services.points.domain.member import Member
from services.points.gatherings import NONE, find
from services.points.paying import Due, Teller
from services.points.ports import Kept, Versioned
from shared.context import Context
from shared.errors import FieldError, Forbidden, Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Hall:
    """What checking in is made of."""

    gatherings: Versioned[Gathering]
    checkins: Kept[Checkin]
    members: Kept[Member]
    teller: Teller

    def reads(self, gathering: str, riders: Iterable[str]) -> Iterable[Ref]:
        """What is looked at of a gathering and these riders."""
        yield self.gatherings.ref(gathering)
        for rider in riders:
            yield self.members.ref(rider)
            yield self.checkins.ref(checkin_id(gathering, rider))

    def more_reads(self, work: Work, gathering: str, riders: Iterable[str]) -> Iterable[Ref]:
        """What may be paid to them."""
        found = self.gatherings.get(work, gathering)
        return [ref for rider in riders for ref in self.teller.refs(due_of(found, rider))] if found else []

    def pay(self, work: Work, gathering: Gathering, there: Checkin, context: Context) -> Checkin:
        """Store it as paid; one that the ledger has already, whatever became of the check-in, is not paid again."""
        due = due_of(gathering, there.rider)
        points = 0 if self.teller.is_paid(work, due) else self.teller.pay(work, due, "attended", context)
        paid = replace(there, paid=points)
        self.checkins.put(work, paid)
        return paid


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A rider scanned a code, which arrived at `received_at`; `scanned_at` is his clock, if he was offline.

    Answers what is stored and whether he had been counted before; a late scan waits for staff, until he scans again in time
    or they confirm it. Raises `NotFound`, or `Refusal` with the reason in its code.
    """

    hall: Hall
    shown: Token
    scope: Scope
    received_at: datetime
    scanned_at: datetime | None
    context: Context

    def reads(self) -> Iterable[Ref]:
        return self.hall.reads(self.shown.gathering, [self.scope.id])

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.hall.more_reads(work, self.shown.gathering, [self.scope.id])

    def decide(self, work: Work) -> tuple[Checkin, Gathering, bool]:
        gathering = self.hall.gatherings.get(work, self.shown.gathering)
        if gathering is None or gathering.subdistrict != self.scope.subdistrict:
            raise NotFound(NONE)
        way = how(gathering, self.shown, self.received_at, self.scanned_at)
        before = self.hall.checkins.get(work, checkin_id(gathering.id, self.scope.id))
        if before is not None and (before.paid is not None or way is How.LATE):
            return before, gathering, True
        if not invited(gathering, self.scope.id, self.hall.members.get(work, self.scope.id)):
            raise Refusal("you are not on the roster; ask staff to add you", code="not-invited")
        at = self.scanned_at if way is How.LATE and self.scanned_at else self.received_at
        there = Checkin(
            checkin_id(gathering.id, self.scope.id),
            gathering.id,
            gathering.subdistrict,
            self.scope.id,
            way,
            at,
            self.received_at,
        )
        if way is How.CODE:
            return self.hall.pay(work, gathering, there, self.context), gathering, False
        self.hall.checkins.put(work, there)
        return there, gathering, False


@dataclass(frozen=True, slots=True)
class Tick:
    """Staff say who was there, confirming late scans or without any. All of them, or with an unknown one none.

    Answers (check-in, whether he had been counted before) of each. Raises `NotFound`, `Forbidden`, `Refusal`, `Invalid`.
    """

    hall: Hall
    gathering: str
    riders: tuple[str, ...]
    scope: Scope
    context: Context

    def reads(self) -> Iterable[Ref]:
        return self.hall.reads(self.gathering, self.riders)

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.hall.more_reads(work, self.gathering, self.riders)

    def decide(self, work: Work) -> list[tuple[Checkin, bool]]:
        gathering = find(work, self.hall.gatherings, self.gathering, self.scope)
        if gathering.state == "cancelled":
            raise Refusal("the gathering is cancelled", code="event-cancelled")
        if work.now < gathering.agenda.opens_at:
            raise Refusal(f"check-in opens at {gathering.agenda.opens_at.isoformat()}", code="event-not-open")
        if self.scope.id in self.riders:
            raise Forbidden("nobody ticks himself", code="own-activity")
        self._check(work, gathering)
        return [self._one(work, gathering, rider) for rider in self.riders]

    def _check(self, work: Work, gathering: Gathering) -> None:
        wrong = [
            FieldError(f"riders.{index}", "there is no such rider in your sub-district")
            for index, rider in enumerate(self.riders)
            if not self._is_known(work, gathering, rider)
        ]
        if wrong:
            raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)

    def _is_known(self, work: Work, gathering: Gathering, rider: str) -> bool:
        member = self.hall.members.get(work, rider)
        if member is None:
            return self.hall.checkins.get(work, checkin_id(gathering.id, rider)) is not None
        return member.role == "rider" and member.subdistrict == gathering.subdistrict

    def _one(self, work: Work, gathering: Gathering, rider: str) -> tuple[Checkin, bool]:
        id_, by = checkin_id(gathering.id, rider), self.context.actor
        before = self.hall.checkins.get(work, id_)
        if before is not None and before.paid is not None:
            return before, True
        ticked = Checkin(id_, gathering.id, gathering.subdistrict, rider, How.DESK, work.now, work.now)
        return self.hall.pay(work, gathering, replace(before or ticked, by=by), self.context), False


def due_of(gathering: Gathering, rider: str) -> Due:
    """What being there pays, by the day on which it began, whoever says so how late."""
    agenda = gathering.agenda
    return Due(gathering.subdistrict, rider, agenda.kind, gathering.id, agenda.starts_at)
