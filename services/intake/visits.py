"""Rounds of visits: following campaigns that points announces, recording a visit once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from services.intake.domain.abuse import counted_at, is_late
from services.intake.domain.campaign import Campaign, Item, check_visit, newer
from services.intake.domain.visit import Visit, VisitDay, day_id
from services.intake.ports import Kept
from shared.context import Context
from shared.contracts import visit_recorded as words
from shared.contracts.campaign_changed import CampaignChanged
from shared.contracts.envelope import Message
from shared.contracts.topics import CAMPAIGN_CHANGED, VISIT_RECORDED
from shared.errors import Invalid, Refused
from shared.mongo.inbox import Handle
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work

SERVICE = "intake"


class KeyReused(Refused):
    """The client key is taken by a visit with another content."""

    code = "client-key-reused"


@dataclass(frozen=True, slots=True)
class Rounds:
    """What is kept of campaigns and visits."""

    campaigns: Kept[Campaign]
    visits: Kept[Visit]
    days: Kept[VisitDay]


@dataclass(frozen=True, slots=True)
class FollowCampaign:
    """Copy what points says of a campaign."""

    campaigns: Kept[Campaign]
    told: Campaign

    def reads(self) -> Iterable[Ref]:
        return [self.campaigns.ref(self.told.id)]

    def decide(self, work: Work) -> None:
        known = self.campaigns.get(work, self.told.id)
        now = newer(known, self.told)
        if now != known:
            self.campaigns.put(work, now)


@dataclass(frozen=True, slots=True)
class RecordVisit:
    """Store a visit and tell points. The same wish again, and the same household on the same day, are answered with the
    visit that is there: (visit, whether it was there).

    `received_at` is when it came in and chooses its day; the commit's own time is what is stored.
    Raises `Invalid` naming what the campaign does not provide for, `KeyReused`.
    """

    rounds: Rounds
    visit: Visit
    zone: ZoneInfo
    context: Context

    def reads(self) -> Iterable[Ref]:
        rounds, visit = self.rounds, self.visit
        day = rounds.days.ref(day_id(visit, self.zone))
        return [rounds.campaigns.ref(visit.campaign), rounds.visits.ref(visit.id), day]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        day = self.rounds.days.get(work, day_id(self.visit, self.zone))
        return [self.rounds.visits.ref(day.visit)] if day else []

    def decide(self, work: Work) -> tuple[Visit, bool]:
        before = self._before(work)
        if before is not None:
            return before, True
        campaign = self.rounds.campaigns.get(work, self.visit.campaign)
        if campaign is None or campaign.subdistrict != self.visit.subdistrict:
            raise Invalid.field("campaign", "there is no such campaign here")
        check_visit(campaign, self.visit.micro_grid, self.visit.answers, self.visit.at)
        stored = replace(self.visit, received_at=work.now)
        self.rounds.days.put(work, VisitDay(day_id(stored, self.zone), stored.id, stored.at))
        self.rounds.visits.put(work, stored, self._told(stored, work.now))
        return stored, False

    def _before(self, work: Work) -> Visit | None:
        own = self.rounds.visits.get(work, self.visit.id)
        if own is not None:
            if own.fingerprint != self.visit.fingerprint:
                raise KeyReused("client_key: was used before for a visit with another content")
            return own
        day = self.rounds.days.get(work, day_id(self.visit, self.zone))
        return self.rounds.visits.get(work, day.visit) if day else None

    def _told(self, visit: Visit, now: datetime) -> Outgoing:
        data = words.VisitRecorded(
            subdistrict=visit.subdistrict,
            visit=visit.id,
            campaign=visit.campaign,
            rider=visit.rider,
            micro_grid=visit.micro_grid,
            household=visit.household,
            answers=tuple(words.ChecklistAnswer(item=i, answer=a) for i, a in visit.answers.items()),
            photo_ids=visit.photo_ids,
            captured_at=visit.captured_at,
            received_at=visit.received_at,
            flags=visit.flags,
        )
        return Outgoing(SERVICE, VISIT_RECORDED.name, data, now, self.context)


def new_visit(visit: Visit, elsewhere: bool) -> Visit:
    """The visit with its moment and its flags. `elsewhere`: the phone was in another micro-grid."""
    flags = []
    if is_late(visit.captured_at, visit.received_at):
        flags.append("late_capture")
    if elsewhere:
        flags.append("location_conflict")
    return replace(visit, at=counted_at(visit.captured_at, visit.received_at), flags=tuple(flags))


def handlers(campaigns: Kept[Campaign]) -> Mapping[str, Handle]:
    """What intake hears of campaigns, beside what `agents` does."""

    def campaign_changed(message: Message) -> FollowCampaign:
        assert isinstance(message.data, CampaignChanged)  # the only type on this topic
        return FollowCampaign(campaigns, campaign_of(message.data, message.envelope.time))

    return {CAMPAIGN_CHANGED.name: campaign_changed}


def campaign_of(told: CampaignChanged, at: datetime) -> Campaign:
    """The campaign in the words of intake; `at` is when this happened to it."""
    return Campaign(
        id=told.campaign,
        announced=told.version,
        subdistrict=told.subdistrict,
        activity=told.activity,
        title_zh=told.title_zh,
        title_en=told.title_en,
        items=tuple(Item(item.code, item.zh, item.en, item.answers) for item in told.items),
        grids=told.grids,
        communities=told.communities,
        starts_at=told.starts_at,
        ends_at=told.ends_at,
        closed_at=at if told.state == "closed" else None,
    )
