"""What points does with the events of an incident: learn a fact, then write the entries that are missing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from services.points.domain import hazard
from services.points.domain.caps import Month, admit, month_key
from services.points.domain.entry import AWARD, Entry, Grounds, Kind, Step
from services.points.domain.incident import (
    HAZARD,
    Fact,
    Incident,
    Judged,
    Resolved,
    learn,
)
from services.points.domain.keys import award_key, reversal_key
from services.points.domain.tariff import Tariffs
from services.points.ports import Books, Rules
from services.points.reversing import TakeBack, take_back
from services.points.writing import SYSTEM, post_refs, write
from shared.context import Context
from shared.ids import NewId
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Learn:
    """Add one fact to an incident; entries, passbooks and counters follow in the same transaction.

    The incident's document is the root: its version makes decisions on one incident follow each other in every process.
    What the ledger holds already is never written again, so facts may come twice, late, or all over again.
    """

    books: Books
    rules: Rules
    incident: str
    subdistrict: str
    fact: Fact
    context: Context
    new_id: NewId

    def reads(self) -> Iterable[Ref]:
        """The incident, and all that may be written for the riders whom the fact names."""
        yield self.books.incidents.ref(self.incident)
        yield from self._of_riders(learn(self._unknown(), self.fact))
        if isinstance(self.fact, Judged):
            yield from self._of_judged(self.fact)
        if isinstance(self.fact, Resolved):
            for award in hazard.due(self.fact, self._tariffs()):
                yield self.books.months.ref(month_key(award.rider, HAZARD, award.at, self._zone()))

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """The same for those whom only the incident names: most facts concern the promises made to others."""
        known = self.books.incidents.get(work, self.incident)
        return self._of_riders(known) if known else ()

    def decide(self, work: Work) -> None:
        before = self.books.incidents.get(work, self.incident)
        after = learn(before or self._unknown(), self.fact)
        if after == before:
            return
        paying = before is None or before.resolved is None
        tariffs = self._tariffs()

        def written(key: str) -> Entry | None:
            return self.books.entries.get(work, key)

        missing = hazard.steps(after, tariffs, written, paying=paying)
        for step in missing:
            counted = self._capped(work, step) if step.kind is Kind.POST else step
            write(work, self.books, counted, self._grounds(step), self.context, self.new_id)
        if isinstance(self.fact, Judged):
            for entry in hazard.to_reverse(self.fact, after, tariffs, written):
                back = TakeBack(self.fact.rider, entry, "bogus", self.fact.at)
                take_back(work, self.books, back, self.context, self.new_id)
        self.books.incidents.put(work, after)

    def _unknown(self) -> Incident:
        return Incident(self.incident, self.subdistrict)

    def _zone(self) -> ZoneInfo:
        return self.rules.zone(self.subdistrict)

    def _tariffs(self) -> Tariffs:
        return self.rules.tariffs(self.subdistrict)

    def _of_riders(self, incident: Incident) -> Iterable[Ref]:
        for rider in hazard.riders_of(incident, self._tariffs()):
            rules = self._tariffs().rules
            keys = [award_key(self.incident, rule, rider, kind) for rule in rules for kind in AWARD]
            yield from post_refs(self.books, rider, keys)

    def _of_judged(self, judged: Judged) -> Iterable[Ref]:
        """What he may have been paid, and what takes it back."""
        keys = [award_key(self.incident, rule, judged.rider, kind) for rule in self._tariffs().awards for kind in AWARD]
        yield from post_refs(self.books, judged.rider, [*keys, *map(reversal_key, keys)])

    def _capped(self, work: Work, step: Step) -> Step:
        """The post with its points counted, or with none and the reason `cap`."""
        tariff, zone = self._tariffs().at(step.captured_at), self._zone()
        key = month_key(step.rider, HAZARD, step.captured_at, zone)
        month = self.books.months.get(work, key) or Month(key)
        counted = admit(month, step.captured_at, zone, step.points, tariff.cap_day, tariff.cap_month)
        if counted is None:
            return replace(step, points=0, reason="cap")
        self.books.months.put(work, counted)
        return step

    def _grounds(self, step: Step) -> Grounds:
        """Promises follow from the rules alone; and no rider reads in his passbook who else has reported."""
        by_rules = step.kind is Kind.PENDING or self.context.actor.partition(":")[0] in ("rider", "captain")
        tariff = self._tariffs().at(step.captured_at)
        return Grounds(
            subdistrict=self.subdistrict,
            incident=self.incident,
            activity=HAZARD,
            rule_version=tariff.version,
            reference_version=tariff.reference_version,
            event=self.context.causation_id or self.context.correlation_id,
            actor=SYSTEM if by_rules else self.context.actor,
        )
