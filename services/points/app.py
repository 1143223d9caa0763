"""Composition root: everything points is made of, in reading order."""

import secrets
from collections.abc import Iterable
from functools import partial

from fastapi import APIRouter

from services.points import (
    activities_api,
    activity_store,
    agents,
    benefits_api,
    campaigns_api,
    checkins_api,
    deciding_api,
    evidence,
    gatherings_api,
    homes_api,
    members,
    papers_api,
    redemptions_api,
    reports_api,
    stock_api,
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
from services.points.benefits_api import BenefitDesk
from services.points.booking import Ledger
from services.points.campaigns_api import CampaignDesk
from services.points.checkins import Hall
from services.points.checkins_api import CheckinDesk
from services.points.deciding_api import DecidingDesk
from services.points.domain.shelf import Words
from services.points.fonts import find_font
from services.points.gathering_store import CHECKINS, GATHERINGS, MongoGatherings
from services.points.gatherings_api import GatheringDesk
from services.points.member_store import MEMBERS, MongoMembers
from services.points.paper_store import MongoPapers
from services.points.paying import Teller
from services.points.policy import POLICY
from services.points.presses import PaperDesk
from services.points.printing import Press
from services.points.prize_census import PrizeCensus
from services.points.prize_metrics import PrizeMetrics
from services.points.prize_store import BENEFITS, REDEMPTIONS, STORE, MongoBenefits, MongoPrizes
from services.points.redeeming import End, Expire
from services.points.redemptions_api import RedemptionDesk
from services.points.rules import ReferenceRules
from services.points.settings import PointsSettings
from services.points.shelf import ReferenceShelf
from services.points.stock_api import StockDesk
from services.points.stocking import SYSTEM
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
from shared.context import Context
from shared.ids import new_id
from shared.mongo.timers import Timer
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

SERVICE = "points"


async def api(process: Process) -> None:
    """HTTP for riders and staff."""
    settings = PointsSettings()
    reference = load(settings.reference)

    press = Press(find_font(settings.font))

    def routers(parts: Api) -> list[APIRouter]:
        database = parts.opened.database
        desk = CampaignDesk(parts.lane, CAMPAIGNS, MongoCampaigns(database), ReferenceRules(reference))
        prizes = [*_prizes(parts, ReferenceShelf(reference)), *_papers(parts, reference, press)]
        own = export.router(SERVICE, exporter(database), system_clock)
        activities = _activities(parts, ReferenceRules(reference))
        return [http.router(MongoViews(database)), campaigns_api.router(desk), *activities, *prizes, own]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        routers=routers,
        policy=POLICY,
    )


def _papers(parts: Api, reference: Reference, press: Press) -> list[APIRouter]:
    """Statements, reports, certificates and notices."""
    office = {code: Words(place.zh, place.en) for code, place in reference.subdistricts.items()}
    shelf, views = ReferenceShelf(reference), MongoPapers(parts.opened.database)
    desk = PaperDesk(views, shelf, press, office, reference.points.rankings, system_clock)
    return [papers_api.router(desk), reports_api.router(desk)]


def _prizes(parts: Api, shelf: ReferenceShelf) -> list[APIRouter]:
    """Homes, their stock, redemptions and benefits."""
    views, lane, secret = MongoPrizes(parts.opened.database), parts.lane, partial(secrets.token_urlsafe, 24)
    ledger = Ledger(BOOKS, shelf.rule_version, shelf.version, new_id)
    benefits = MongoBenefits(parts.opened.database)
    return [
        homes_api.router(homes_api.Hall(shelf, views, system_clock)),
        stock_api.router(StockDesk(lane, STORE, shelf, views)),
        redemptions_api.router(RedemptionDesk(lane, STORE, ledger, shelf, views, system_clock, secret)),
        benefits_api.router(BenefitDesk(lane, BENEFITS, MEMBERS, shelf, benefits)),
    ]


async def worker(process: Process) -> None:
    """Follows incidents from report to resolution and keeps the books."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = PointsSettings()
    reference = load(settings.reference)
    rules = ReferenceRules(reference)
    teller = Teller(BOOKS, rules, new_id)
    shelf = ReferenceShelf(reference)
    ledger = Ledger(BOOKS, shelf.rule_version, shelf.version, new_id)

    def expire(id_: str) -> Expire:
        return Expire(End(STORE, ledger, id_, Context(SYSTEM, new_id())))

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
        timers=(Timer(REDEMPTIONS.collection, expire),),
        beside=lambda beside: [*_jobs(beside), *_prize_jobs(beside, shelf, sorted(reference.subdistricts))],
    )


def _prize_jobs(beside: Beside, shelf: ReferenceShelf, subdistricts: list[str]) -> Iterable[Job]:
    """What the worker does beside consuming, publishing and waking."""
    lease = beside.lease("prize census")
    census = PrizeCensus(beside.database, lease, shelf, subdistricts, PrizeMetrics(beside.registry))
    yield Job("prize census", census.run, lease)


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


def _jobs(beside: Beside) -> Iterable[Job]:
    """What the worker does beside consuming and publishing."""
    lease = beside.lease("activities")
    read = partial(activity_store.waiting_by_kind, beside.database)
    census = ActivityCensus(read, lease, WaitingMetrics(beside.registry), system_clock)
    yield Job("activities", census.run, lease)
