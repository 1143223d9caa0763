"""Composition root: everything points is made of, in reading order."""

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from services.points import (
    activities_api,
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
from services.points.expiry_job import expiry_jobs
from services.points.fonts import find_font
from services.points.gathering_store import CHECKINS, GATHERINGS, MongoGatherings
from services.points.gatherings_api import GatheringDesk
from services.points.ledger_check import LedgerCheck
from services.points.ledger_metrics import LedgerMetrics
from services.points.member_store import MEMBERS, MongoMembers
from services.points.outstanding_api import OutstandingDesk
from services.points.paying import Teller
from services.points.policy import POLICY
from services.points.ports import GridBook, Rules
from services.points.printing import Press
from services.points.prize_wiring import prize_jobs, prize_routers, redemption_timer
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
from shared.mongo.client import Database
from shared.mongo.lane import Lane
from shared.mongo.looks import Looks
from shared.reference.load import load
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

SERVICE = "points"


class Rulebook(Rules, GridBook, Protocol):
    """Reference data as the routes of activities need it."""


async def api(process: Process) -> None:
    """HTTP for riders and staff."""
    settings = PointsSettings()
    reference = load(settings.reference)

    press = Press(find_font(settings.font))

    def routers(parts: Api) -> list[APIRouter]:
        database = parts.opened.database
        desk = CampaignDesk(parts.lane, CAMPAIGNS, MongoCampaigns(database), ReferenceRules(reference))
        own = export.router(SERVICE, exporter(database), system_clock)
        counts = ActivityMetrics(parts.metrics.registry)
        activities = activity_routers(parts.lane, database, counts, ReferenceRules(reference))
        prizes = prize_routers(parts, BOOKS, reference, press)
        entries = entry_routers(parts.lane, database, ReferenceRules(reference))
        return [http.router(MongoViews(database)), campaigns_api.router(desk), *activities, *entries, *prizes, own]

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
    teller, zone = Teller(BOOKS, rules, new_id), rules.zone(min(reference.subdistricts))
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
        timers=(redemption_timer(BOOKS, reference),),
        beside=lambda beside: [
            *_jobs(beside, zone),
            *prize_jobs(beside, reference),
            *expiry_jobs(beside, BOOKS, reference),
        ],
    )


def activity_routers(lane: Lane, database: Database, counts: ActivityMetrics, rules: Rulebook) -> list[APIRouter]:
    """What riders do beside reporting, meetings and trainings, and what rounds have come to."""
    teller, gatherings = Teller(BOOKS, rules, new_id), MongoGatherings(database)
    desk, hall = Desk(ACTIVITIES, MEMBERS, teller), Hall(GATHERINGS, CHECKINS, MEMBERS, teller)
    secret = partial(secrets.token_hex, 32)
    return [
        activities_api.router(ActivityDesk(lane, desk, MongoActivities(database), rules, system_clock)),
        deciding_api.router(DecidingDesk(lane, desk, counts.count_decided)),
        gatherings_api.router(GatheringDesk(lane, GATHERINGS, gatherings, rules, system_clock, secret)),
        checkins_api.router(
            CheckinDesk(lane, hall, gatherings, MongoMembers(database), system_clock, counts.count_checkin)
        ),
        tally_api.router(MongoCampaigns(database), MongoVisits(database)),
    ]


def entry_routers(lane: Lane, database: Database, rules: Rules) -> list[APIRouter]:
    """Single entries, and what a second person must decide."""
    wired = lane, BOOKS, MongoEntries(database), rules, new_id
    return [entries_api.router(EntryDesk(*wired)), outstanding_api.router(OutstandingDesk(*wired))]


def _jobs(beside: Beside, zone: ZoneInfo) -> Iterable[Job]:
    """What the worker does beside consuming and publishing."""
    lease, waiting = beside.lease("activities"), WaitingMetrics(beside.registry)
    census = ActivityCensus(beside.database, waiting, system_clock)
    yield Job("activities", Looks("activities", lease, census.look, waiting.clear).run, lease)
    ledger, shown = beside.lease("ledger"), LedgerMetrics(beside.registry)
    yield Job("ledger", LedgerCheck(beside.database, ledger, shown, system_clock, zone).run, ledger)
