"""What points keeps of judgements, for the day on which it takes back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.points.domain.evidence import Judgement
from services.points.domain.incident import Judged
from services.points.handlers import Learn
from services.points.hearing import context_of
from services.points.ports import Books, Kept, Rules
from shared.contracts.envelope import Message
from shared.contracts.report_judged import ReportJudged
from shared.contracts.topics import REPORT_JUDGED
from shared.ids import NewId
from shared.mongo.inbox import Handle
from shared.mongo.work import Command, Ref, Work, more_reads


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


@dataclass(frozen=True, slots=True)
class Judge:
    """Keep a judgement, and take back what was paid for a report that is bogus."""

    keep: Keep
    learn: Command[None]

    def reads(self) -> Iterable[Ref]:
        return [*self.keep.reads(), *self.learn.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.learn, work)

    def decide(self, work: Work) -> None:
        self.keep.decide(work)
        self.learn.decide(work)


def handlers(books: Books, rules: Rules, judgements: Kept[Judgement], new_id: NewId) -> Mapping[str, Handle]:
    """One entry a topic, beside those of `agents`."""

    def report_judged(message: Message) -> Command[None]:
        data = message.data
        assert isinstance(data, ReportJudged)  # the only type on this topic
        actor = message.envelope.actor
        found = Judgement(data.report, data.subdistrict, data.incident, data.rider, data.kind, actor, data.judged_at)
        keep = Keep(judgements, found)
        if found.kind != "bogus":
            return keep
        fact, context = Judged(found.id, found.rider, found.judged_at), context_of(message.envelope)
        return Judge(keep, Learn(books, rules, found.incident, found.subdistrict, fact, context, new_id))

    return {REPORT_JUDGED.name: report_judged}
