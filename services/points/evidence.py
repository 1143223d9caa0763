"""What points keeps of visits and judgements, for the day on which it pays or takes back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.points.domain.evidence import Judgement, Visit
from services.points.domain.incident import Judged
from services.points.handlers import Learn
from services.points.hearing import context_of
from services.points.ports import Books, Kept, Rules
from shared.contracts.envelope import Message
from shared.contracts.report_judged import ReportJudged
from shared.contracts.topics import REPORT_JUDGED, VISIT_RECORDED
from shared.contracts.visit_recorded import VisitRecorded
from shared.ids import NewId
from shared.mongo.inbox import Handle
from shared.mongo.work import Command, Ref, Work, more_reads

Item = TypeVar("Item", Visit, Judgement)


@dataclass(frozen=True, slots=True)
class Keep(Generic[Item]):
    """Store a fact once; the same one again changes nothing."""

    kept: Kept[Item]
    item: Item

    def reads(self) -> Iterable[Ref]:
        return [self.kept.ref(self.item.id)]

    def decide(self, work: Work) -> None:
        if self.kept.get(work, self.item.id) is None:
            self.kept.put(work, self.item)


@dataclass(frozen=True, slots=True)
class Judge:
    """Keep a judgement, and take back what was paid for a report that is bogus."""

    keep: Keep[Judgement]
    learn: Command[None]

    def reads(self) -> Iterable[Ref]:
        return [*self.keep.reads(), *self.learn.reads()]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        return more_reads(self.learn, work)

    def decide(self, work: Work) -> None:
        self.keep.decide(work)
        self.learn.decide(work)


def handlers(
    books: Books, rules: Rules, visits: Kept[Visit], judgements: Kept[Judgement], new_id: NewId
) -> Mapping[str, Handle]:
    """One entry a topic, beside those of `agents`."""

    def visit_recorded(message: Message) -> Keep[Visit]:
        assert isinstance(message.data, VisitRecorded)  # the only type on this topic
        return Keep(visits, visit_of(message.data))

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

    return {VISIT_RECORDED.name: visit_recorded, REPORT_JUDGED.name: report_judged}


def visit_of(data: VisitRecorded) -> Visit:
    """The visit in the words of points."""
    return Visit(
        id=data.visit,
        subdistrict=data.subdistrict,
        campaign=data.campaign,
        rider=data.rider,
        micro_grid=data.micro_grid,
        household=data.household,
        answers={found.item: found.answer for found in data.answers},
        photo_ids=data.photo_ids,
        captured_at=data.captured_at,
        received_at=data.received_at,
        flags=data.flags,
    )
