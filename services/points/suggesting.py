"""Beside what an incident pays itself: where its category pays another activity, that is put before staff."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.points.domain.activity import Activity
from services.points.domain.suggestion import suggest, suggestion_id
from services.points.handlers import Learn
from services.points.paying import Teller
from services.points.ports import Kept
from shared.contracts.envelope import Message
from shared.mongo.inbox import Handle
from shared.mongo.work import Command, Ref, Work


@dataclass(frozen=True, slots=True)
class Suggest:
    """Learn a fact, then open or correct the activity that follows from all that is known of the incident."""

    learning: Learn
    activities: Kept[Activity]
    teller: Teller

    def reads(self) -> Iterable[Ref]:
        return [*self.learning.reads(), self.activities.ref(suggestion_id(self.learning.incident))]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return self.learning.more_reads(work)

    def decide(self, work: Work) -> None:
        self.learning.decide(work)
        incident = self.teller.books.incidents.get(work, self.learning.incident)
        if incident is None:
            return
        known = self.activities.get(work, suggestion_id(incident.id))
        now = suggest(incident, known, self.teller.counted_at)
        if now is not None and now != known:
            self.activities.put(work, now)


def handlers(inner: Mapping[str, Handle], activities: Kept[Activity], teller: Teller) -> dict[str, Handle]:
    """The same handlers; whatever of them learns about an incident suggests, too."""

    def also(handle: Handle) -> Handle:
        def suggesting(message: Message) -> Command[None]:
            command = handle(message)
            return Suggest(command, activities, teller) if isinstance(command, Learn) else command

        return suggesting

    return {topic: also(handle) for topic, handle in inner.items()}
