"""Paying for visits: each is kept as it came, and counted by the activity of its campaign."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.points.domain.campaign import Campaign
from services.points.domain.visit import Visit, judge, paid_for
from services.points.paying import Due, Teller
from services.points.ports import Kept
from shared.context import Context
from shared.contracts.envelope import Message
from shared.contracts.topics import VISIT_RECORDED
from shared.contracts.visit_recorded import VisitRecorded
from shared.mongo.inbox import Handle
from shared.mongo.work import Ref, Work


@dataclass(frozen=True, slots=True)
class Rounds:
    """What is kept of campaigns and visits, and who pays."""

    campaigns: Kept[Campaign]
    visits: Kept[Visit]
    teller: Teller


@dataclass(frozen=True, slots=True)
class CountVisit:
    """Store a visit and pay for it; the same one again changes nothing."""

    rounds: Rounds
    visit: Visit
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.rounds.campaigns.ref(self.visit.campaign), self.rounds.visits.ref(self.visit.id)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        campaign = self.rounds.campaigns.get(work, self.visit.campaign)
        return () if campaign is None else self.rounds.teller.refs(self._due(campaign))

    def decide(self, work: Work) -> None:
        known = self.rounds.visits.get(work, self.visit.id)
        if known is not None and known.outcome is not None:
            return
        campaign = self.rounds.campaigns.get(work, self.visit.campaign)
        before = campaign is not None and self.rounds.teller.is_paid(work, self._due(campaign))
        outcome, points = judge(self.visit, campaign, self._at(), before=before), 0
        if campaign is not None and outcome == "paid":
            points = self.rounds.teller.pay(work, self._due(campaign), "visited", self.context)
        self.rounds.visits.put(work, replace(self.visit, outcome=outcome, points=points))

    def _due(self, campaign: Campaign) -> Due:
        visit = self.visit
        return Due(campaign.subdistrict, visit.rider, campaign.plan.activity, paid_for(visit), self._at())

    def _at(self) -> datetime:
        visit = self.visit
        return self.rounds.teller.counted_at(visit.subdistrict, visit.captured_at, visit.received_at)


def handlers(rounds: Rounds) -> dict[str, Handle]:
    """One entry, beside those of `agents`."""

    def visit_recorded(message: Message) -> CountVisit:
        assert isinstance(message.data, VisitRecorded)  # the only type on this topic
        envelope = message.envelope
        context = Context(envelope.actor, envelope.correlation_id, envelope.id, envelope.traceparent)
        return CountVisit(rounds, visit_of(message.data), context)

    return {VISIT_RECORDED.name: visit_recorded}


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
