"""Campaigns as commands: made once per client key, changed and closed by whoever has seen the last version."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from services.points.domain.campaign import Campaign, Plan, change, check, close, communities_of, may_run, sees
from services.points.ports import Versioned
from shared.context import Context
from shared.contracts import campaign_changed as words
from shared.contracts.topics import CAMPAIGN_CHANGED
from shared.errors import Conflict, NotFound, Refused
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work
from shared.scope import Scope

SERVICE = "points"
_CAMPAIGNS = uuid.UUID("0c6a3c52-88f1-5b7e-9d51-6f0e3c4b2a19")


class KeyReused(Refused):
    """The client key is taken by a campaign with another content."""

    code = "client-key-reused"


class Changes(Protocol):
    """What is decided about a campaign. Raises `Conflict`."""

    def __call__(self, campaign: Campaign, work: Work) -> Campaign: ...


def campaign_id(principal: str, client_key: str) -> str:
    """The same pair is the same campaign for ever."""
    return str(uuid.uuid5(_CAMPAIGNS, f"{principal}\n{client_key}"))


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """Announce a campaign; the same wish again is answered with what was made. Answers it with its version.

    Raises `Invalid`, `Forbidden`, `KeyReused`.
    """

    campaigns: Versioned[Campaign]
    id: str
    fingerprint: str
    plan: Plan
    scope: Scope
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.campaigns.ref(self.id)]

    def decide(self, work: Work) -> tuple[Campaign, int]:
        before = self.campaigns.get(work, self.id)
        if before is not None:
            if before.fingerprint != self.fingerprint:
                raise KeyReused("client_key: was used before for a campaign with another content")
            return before, self.campaigns.version(work, self.id)
        check(self.plan)
        may_run(self.scope, self.plan.grids)
        communities = communities_of(self.plan.grids)
        made = Campaign(self.id, self.scope.subdistrict, self.fingerprint, self.plan, communities, work.now)
        return made, put_campaign(work, self.campaigns, made, self.context)


@dataclass(frozen=True, slots=True)
class DecideCampaign:
    """Change or close a campaign. Answers it with its new version.

    Raises `NotFound`, `Forbidden`, `Invalid`, or `Conflict` if it was changed since `expected` or is closed.
    """

    campaigns: Versioned[Campaign]
    id: str
    expected: int
    changes: Changes
    scope: Scope
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.campaigns.ref(self.id)]

    def decide(self, work: Work) -> tuple[Campaign, int]:
        before = self.campaigns.get(work, self.id)
        if before is None or not sees(self.scope, before):
            raise NotFound("there is no such campaign for you")
        may_run(self.scope, before.plan.grids)
        version = self.campaigns.version(work, self.id)
        if version != self.expected:
            raise Conflict(f"expected_version: is {version} by now; look again")
        after = self.changes(before, work)
        check(after.plan)
        may_run(self.scope, after.plan.grids)
        return after, put_campaign(work, self.campaigns, after, self.context)


def to_plan(plan: Plan) -> Changes:
    """Another plan."""
    return lambda campaign, work: change(campaign, plan)


def to_closed(campaign: Campaign, work: Work) -> Campaign:
    """Over."""
    return close(campaign, work.now)


def put_campaign(work: Work, campaigns: Versioned[Campaign], campaign: Campaign, context: Context) -> int:
    """Write it and tell it. Returns its new version."""
    version = campaigns.version(work, campaign.id) + 1
    told = Outgoing(SERVICE, CAMPAIGN_CHANGED.name, _told(campaign, version), work.now, context)
    return campaigns.put(work, campaign, told)


def _told(campaign: Campaign, version: int) -> words.CampaignChanged:
    plan = campaign.plan
    return words.CampaignChanged.model_validate(
        {
            "subdistrict": campaign.subdistrict,
            "campaign": campaign.id,
            "version": version,
            "state": campaign.state,
            "activity": plan.activity,
            "title_zh": plan.title_zh,
            "title_en": plan.title_en,
            "items": [{"code": i.code, "zh": i.zh, "en": i.en, "answers": i.answers} for i in plan.items],
            "grids": plan.grids,
            "communities": campaign.communities,
            "starts_at": plan.starts_at,
            "ends_at": plan.ends_at,
        }
    )
