"""Composition root: everything points is made of, in reading order."""

from fastapi import APIRouter

from services.points import agents, campaigns_api, evidence, members
from services.points import api as http
from services.points.campaigns_api import CampaignDesk
from services.points.member_store import MEMBERS
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
    VISITS,
    MongoCampaigns,
    MongoViews,
    exporter,
)
from shared.api import Api, run_api
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
        return [http.router(MongoViews(database)), campaigns_api.router(desk), own]

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
    )
