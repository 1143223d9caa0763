"""What points keeps of judgements, for the day on which it takes back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.points.domain.evidence import Judgement
from services.points.ports import Kept
from shared.contracts.envelope import Message
from shared.contracts.report_judged import ReportJudged
from shared.contracts.topics import REPORT_JUDGED
from shared.mongo.inbox import Handle
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Keep:
    """Store a fact once; the same one again changes nothing."""

    kept: Kept[Judgement]
    item: Judgement

    def reads(self) -> Iterable[Ref]:
        return [self.kept.ref(self.item.id)]

    def decide(self, work: Work) -> None:
        if self.kept.get(work, self.item.id) is None:
            self.kept.put(work, self.item)


def handlers(judgements: Kept[Judgement]) -> Mapping[str, Handle]:
    """One entry a topic, beside those of `agents`."""

    def report_judged(message: Message) -> Keep:
        data = message.data
        assert isinstance(data, ReportJudged)  # the only type on this topic
        actor = message.envelope.actor
        found = Judgement(data.report, data.subdistrict, data.incident, data.rider, data.kind, actor, data.judged_at)
        return Keep(judgements, found)

    return {REPORT_JUDGED.name: report_judged}
