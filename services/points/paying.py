"""Paying for what was done: what it is worth under the rules of that day, the caps, and the line in the passbook."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.domain import steps
from services.points.domain.activity import counted_at
from services.points.domain.awarding import award, needs_second
from services.points.domain.caps import Month, month_key
from services.points.domain.entry import Grounds
from services.points.domain.keys import activity_key
from services.points.domain.tariff import Tariff
from services.points.ports import Books, Rules
from services.points.writing import post_refs, write
from shared.context import Context
from shared.ids import NewId
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Due:
    """What somebody did: `about` names it for ever (an activity, a gathering, a household of a round), `at` counts."""

    subdistrict: str
    rider: str
    activity: str
    about: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Teller:
    """What paying is made of."""

    books: Books
    rules: Rules
    new_id: NewId

    def refs(self, due: Due) -> Iterable[Ref]:
        """What a command declares that may pay it."""
        yield from post_refs(self.books, due.rider, [activity_key(due.about, due.rider)])
        yield self.books.months.ref(self._month(due))

    def counted_at(self, subdistrict: str, captured_at: datetime, received_at: datetime) -> datetime:
        """The moment that counts for something that a phone says it saw at `captured_at`."""
        return counted_at(captured_at, received_at, self._tariff(subdistrict, received_at).trusted)

    def needs_two(self, due: Due) -> bool:
        """Whether it is worth so much that two must approve."""
        tariff = self._tariff(due.subdistrict, due.at)
        return needs_second(tariff.activities[due.activity].points, tariff)

    def is_paid(self, work: Work, due: Due) -> bool:
        """Whether the ledger has a line for it, be it one of 0 points."""
        return self.books.entries.get(work, activity_key(due.about, due.rider)) is not None

    def pay(self, work: Work, due: Due, reason: str, context: Context) -> int:
        """Write the line; `reason` is a word of the contract, unless it is a cap or a cool-down that decides.

        Returns its points: 0 over a cap or too soon after the last one. Raises `Written`.
        """
        tariff, month_id = self._tariff(due.subdistrict, due.at), self._month(due)
        month = self.books.months.get(work, month_id) or Month(month_id)
        counted = award(tariff.activities[due.activity], month, due.at, self.rules.zone(due.subdistrict))
        if counted.why is None:
            self.books.months.put(work, counted.month)
        step = steps.award(due.rider, due.activity, counted.points, counted.why or reason, due.at)
        write(work, self.books, step, _grounds(due, tariff, context), context, self.new_id)
        return counted.points

    def _tariff(self, subdistrict: str, at: datetime) -> Tariff:
        return self.rules.tariffs(subdistrict).at(at)

    def _month(self, due: Due) -> str:
        return month_key(due.rider, due.activity, due.at, self.rules.zone(due.subdistrict))


def _grounds(due: Due, tariff: Tariff, context: Context) -> Grounds:
    return Grounds(
        subdistrict=due.subdistrict,
        incident="",
        activity=due.activity,
        rule_version=tariff.version,
        reference_version=tariff.reference_version,
        event=context.causation_id or context.correlation_id,
        actor=context.actor,
        about=due.about,
    )
