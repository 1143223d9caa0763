"""What happens by itself: the command that a timer, or a worker's start, submits for one incident."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.dispatch.domain import agenda, happening, running
from services.dispatch.domain.incident import Happened, Told, number
from services.dispatch.domain.routing import SYSTEM
from services.dispatch.ports import Incidents, Rules
from services.dispatch.saving import save
from shared.context import Context
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything that is due of one incident, by the time of the transaction, with the new `wake_at`.

    Deadlines that no calendar had confirmed are counted again first. Nothing is written when nothing is due, so it may be
    submitted any number of times.
    """

    incidents: Incidents
    rules: Rules
    incident: str
    correlation: str

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.incident)]

    def decide(self, work: Work) -> None:
        before = self.incidents.get(work, self.incident)
        if before is None:
            return
        category = self.rules.category(before.category, before.condition)
        if category is None:
            raise LookupError(f"no category {before.category} in the reference data")
        hours = self.rules.hours(before.subdistrict)
        adopted = running.adopt(before, category.limit, hours)
        counted, moved = running.recompute(adopted, work.now, hours, SYSTEM)
        told: list[Happened] = [Told("correct", order) for order in moved]
        counted, told = number(counted, told)
        after, happened = happening.happen(counted, work.now, hours)
        if after != before or self._asleep(work) != agenda.next_at(after):
            save(work, self.incidents, after, category, [*told, *happened], Context(SYSTEM, self.correlation))

    def _asleep(self, work: Work) -> object:
        """When it is to wake as stored; an incident from before there was such a field is never woken."""
        document = work.get(*self.incidents.ref(self.incident))
        return (document or {}).get("wake_at", "never")
