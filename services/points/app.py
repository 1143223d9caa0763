"""Composition root: everything points is made of, in reading order."""

import secrets
from collections.abc import Iterable
from functools import partial

from fastapi import APIRouter

from services.points import (
    agents,
    benefits_api,
    campaigns_api,
    evidence,
    homes_api,
    members,
    redemptions_api,
    stock_api,
)
from services.points import api as http
from services.points.benefits_api import BenefitDesk
from services.points.booking import Ledger
from services.points.campaigns_api import CampaignDesk
from services.points.homes_api import Hall
from services.points.member_store import MEMBERS
from services.points.policy import POLICY
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
    VISITS,
    MongoCampaigns,
    MongoViews,
    exporter,
)
from shared.api import Api, run_api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id
from shared.mongo.timers import Timer
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
        prizes = _prizes(parts, ReferenceShelf(reference))
        own = export.router(SERVICE, exporter(database), system_clock)
        return [http.router(MongoViews(database)), campaigns_api.router(desk), *prizes, own]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        routers=routers,
        policy=POLICY,
    )


def _prizes(parts: Api, shelf: ReferenceShelf) -> list[APIRouter]:
    """Homes, their stock, redemptions and benefits."""
    views, lane, secret = MongoPrizes(parts.opened.database), parts.lane, partial(secrets.token_urlsafe, 24)
    ledger = Ledger(BOOKS, shelf.rule_version, shelf.version, new_id)
    benefits = MongoBenefits(parts.opened.database)
    return [
        homes_api.router(Hall(shelf, views, system_clock)),
        stock_api.router(StockDesk(lane, STORE, shelf, views)),
        redemptions_api.router(RedemptionDesk(lane, STORE, ledger, shelf, views, system_clock, secret)),
        benefits_api.router(BenefitDesk(lane, BENEFITS, MEMBERS, shelf, benefits)),
    ]


async def worker(process: Process) -> None:
    """Follows incidents from report to resolution and keeps the books."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = PointsSettings()
    reference = load(settings.reference)
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
            **agents.handlers(BOOKS, ReferenceRules(reference), new_id),
            **evidence.handlers(VISITS, JUDGEMENTS),
            **members.handlers(MEMBERS),
        },
        plan=PLAN,
        retention=RETENTION,
        timers=(Timer(REDEMPTIONS.collection, expire),),
        beside=lambda beside: _jobs(beside, shelf, sorted(reference.subdistricts)),
    )


def _jobs(beside: Beside, shelf: ReferenceShelf, subdistricts: list[str]) -> Iterable[Job]:
    """What the worker does beside consuming, publishing and waking."""
    lease = beside.lease("prize census")
    census = PrizeCensus(beside.database, lease, shelf, subdistricts, PrizeMetrics(beside.registry))
    yield Job("prize census", census.run, lease)
