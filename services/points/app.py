"""Composition root: everything points is made of, in reading order."""

import secrets
from collections.abc import Iterable
from functools import partial

from fastapi import APIRouter

from services.points import (
    activities_api,
    activity_store,
    agents,
    campaigns_api,
    checkins_api,
    deciding_api,
    entries_api,
    evidence,
    gatherings_api,
    members,
    outstanding_api,
    suggesting,
    tally_api,
    visiting,
)
from services.points import api as http
from services.points.activities import Desk
from services.points.activities_api import ActivityDesk
from services.points.activity_census import ActivityCensus
from services.points.activity_metrics import ActivityMetrics, WaitingMetrics
from services.points.activity_store import ACTIVITIES, MongoActivities
from services.points.campaigns_api import CampaignDesk
from services.points.checkins import Hall
from services.points.checkins_api import CheckinDesk
from services.points.deciding_api import DecidingDesk
from services.points.entries_api import EntryDesk
from services.points.entry_store import MongoEntries
from services.points.gathering_store import CHECKINS, GATHERINGS, MongoGatherings
from services.points.gatherings_api import GatheringDesk
from services.points.member_store import MEMBERS, MongoMembers
from services.points.outstanding_api import OutstandingDesk
from services.points.paying import Teller
from services.points.policy import POLICY
from services.points.rules import ReferenceRules
from services.points.settings import PointsSettings
from services.points.store import (
    BOOKS,
    CAMPAIGNS,
    COLLECTIONS,
    JUDGEMENTS,
    PLAN,
    RETENTION,
    MongoCampaigns,
    MongoViews,
    exporter,
)
from services.points.visit_store import VISITS, MongoVisits
from services.points.visiting import Rounds
from shared.api import Api, run_api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.ids import new_id
from shared.reference.load import load
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

SERVICE = "points"


async def api(process: Process) -> None:
    """HTTP for riders and staff."""
    settings = PointsSettings()
    reference = load(settings.reference)

    def routers(parts: Api) -> list[APIRouter]:
        database = parts.opened.database
        desk = CampaignDesk(parts.lane, CAMPAIGNS, MongoCampaigns(database), ReferenceRules(reference))
        own = export.router(SERVICE, exporter(database), system_clock)
        activities = _activities(parts, ReferenceRules(reference))
        views = http.router(MongoViews(database))
        return [views, campaigns_api.router(desk), *activities, *_entries(parts, ReferenceRules(reference)), own]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        routers=routers,
        policy=POLICY,
    )


async def worker(process: Process) -> None:
    """Follows incidents from report to resolution and keeps the books."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = PointsSettings()
    reference = load(settings.reference)
    rules = ReferenceRules(reference)
    teller = Teller(BOOKS, rules, new_id)
    await run_worker(
        process,
        settings,
        KafkaSettings(),
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        handlers={
            **suggesting.handlers(agents.handlers(BOOKS, rules, new_id), ACTIVITIES, teller),
            **evidence.handlers(BOOKS, rules, JUDGEMENTS, new_id),
            **visiting.handlers(Rounds(CAMPAIGNS, VISITS, teller)),
            **members.handlers(MEMBERS),
        },
        plan=PLAN,
        retention=RETENTION,
        beside=_jobs,
    )


def _activities(parts: Api, rules: ReferenceRules) -> list[APIRouter]:
    """What riders do beside reporting, meetings and trainings, and what rounds have come to."""
    database, counts = parts.opened.database, ActivityMetrics(parts.metrics.registry)
    teller, gatherings = Teller(BOOKS, rules, new_id), MongoGatherings(database)
    desk = Desk(ACTIVITIES, MEMBERS, teller)
    hall = Hall(GATHERINGS, CHECKINS, MEMBERS, teller)
    views, members = MongoActivities(database), MongoMembers(database)
    return [
        activities_api.router(ActivityDesk(parts.lane, desk, views, rules, system_clock)),
        deciding_api.router(DecidingDesk(parts.lane, desk, counts.count_decided)),
        gatherings_api.router(
            GatheringDesk(parts.lane, GATHERINGS, gatherings, rules, system_clock, partial(secrets.token_hex, 32))
        ),
        checkins_api.router(CheckinDesk(parts.lane, hall, gatherings, members, system_clock, counts.count_checkin)),
        tally_api.router(MongoCampaigns(database), MongoVisits(database)),
    ]


def _entries(parts: Api, rules: ReferenceRules) -> list[APIRouter]:
    """Single entries, and what a second person must decide."""
    wired = parts.lane, BOOKS, MongoEntries(parts.opened.database), rules, new_id
    return [entries_api.router(EntryDesk(*wired)), outstanding_api.router(OutstandingDesk(*wired))]


def _jobs(beside: Beside) -> Iterable[Job]:
    """What the worker does beside consuming and publishing."""
    lease = beside.lease("activities")
    read = partial(activity_store.waiting_by_kind, beside.database)
    census = ActivityCensus(read, lease, WaitingMetrics(beside.registry), system_clock)
    yield Job("activities", census.run, lease)
