"""Benefits as commands: a line in the register once per client key and rider, revoked at most once, never removed."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.points.domain.benefit import Benefit, For, NotEligible, Sort, Standing, check_eligible, check_giver
from services.points.domain.shelf import Home
from services.points.ports import Kept
from services.points.prize_ports import Members
from services.points.stocking import KeyReused
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.mongo.work import Ref, Work
from shared.scope import Scope

_BENEFITS = uuid.UUID("d4b41b3d-1f0e-58d5-8c5b-3b0f2f7a9e44")


@dataclass(frozen=True, slots=True)
class Gift:
    """What is given, where and when, and whom it is for."""

    home: Home
    sort: Sort
    name_zh: str
    name_en: str
    given_at: datetime
    whom: For


def benefit_id(giver: str, client_key: str, rider: str) -> str:
    """The same three are the same line for ever."""
    return str(uuid.uuid5(_BENEFITS, f"{giver}\n{client_key}\n{rider}"))


@dataclass(frozen=True, slots=True)
class Give:
    """The same to all of `riders`, or to none of them. Raises `Forbidden`, `KeyReused`, or `Invalid` naming each rider
    whom it is not for."""

    benefits: Kept[Benefit]
    members: Members
    gift: Gift
    riders: Sequence[str]
    client_key: str
    fingerprint: str
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        yield from (self.benefits.ref(self._id(rider)) for rider in self.riders)
        yield from (self.members.ref(rider) for rider in self.riders)

    def decide(self, work: Work) -> list[Benefit]:
        known = [found for rider in self.riders if (found := self.benefits.get(work, self._id(rider)))]
        if known:
            if any(found.fingerprint != self.fingerprint for found in known):
                raise KeyReused("client_key: was used before for another benefit")
            return known
        self._check(work)
        return [self._give(work, rider) for rider in self.riders]

    def _check(self, work: Work) -> None:
        if self.gift.given_at > work.now:
            raise Invalid.field("given_at", "lies in the future; the register says what was given")
        wrong = []
        for index, rider in enumerate(self.riders):
            check_giver(self.scope.id, rider)
            member = self.members.get(work, rider)
            if member is None or member.subdistrict != self.gift.home.subdistrict or member.role != "rider":
                wrong.append(FieldError(f"riders.{index}", "there is no such rider in your sub-district"))
                continue
            try:
                check_eligible(self.gift.whom, Standing(member.status, member.squad, member.community))
            except NotEligible as error:
                wrong.append(FieldError(f"riders.{index}", error.detail.removeprefix("rider: ")))
        if wrong:
            raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)

    def _give(self, work: Work, rider: str) -> Benefit:
        gift = self.gift
        benefit = Benefit(
            id=self._id(rider),
            subdistrict=gift.home.subdistrict,
            community=gift.home.community,
            home=gift.home.code,
            rider=rider,
            sort=gift.sort,
            name_zh=gift.name_zh,
            name_en=gift.name_en,
            fingerprint=self.fingerprint,
            given_at=gift.given_at,
            by=self.scope.actor,
            at=work.now,
        )
        self.benefits.put(work, benefit)
        return benefit

    def _id(self, rider: str) -> str:
        return benefit_id(self.scope.id, self.client_key, rider)


@dataclass(frozen=True, slots=True)
class Revoke:
    """A line was entered by mistake: it stays, and says so. Raises `NotFound` or `Conflict`."""

    benefits: Kept[Benefit]
    id: str
    reason: str
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        return [self.benefits.ref(self.id)]

    def decide(self, work: Work) -> Benefit:
        before = self.benefits.get(work, self.id)
        if before is None or not self.scope.sees(before.subdistrict, before.community):
            raise NotFound("there is no such benefit for you")
        if before.revoked_at is not None:
            raise Conflict("the benefit is revoked already")
        after = replace(before, revoked_at=work.now, revoked_by=self.scope.actor, reason=self.reason)
        self.benefits.put(work, after)
        return after
