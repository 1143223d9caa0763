"""Composition root: everything intake is made of, in reading order."""

from fastapi import APIRouter

from services.intake import agents
from services.intake import api as http
from services.intake.photo_pool import PhotoPool
from services.intake.photos import Limits
from services.intake.receipts import ReceiptSigner
from services.intake.rules import ReferenceRules
from services.intake.settings import IntakeApiSettings, IntakeSettings
from services.intake.store import COLLECTIONS, INCIDENTS, REPORTS, STATUSES, MongoPhotos, MongoViews
from shared.api import Api, run_api
from shared.clock import system_clock
from shared.ids import new_id
from shared.reference.load import load
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web.auth import refuse_demo

SERVICE = "intake"


async def api(process: Process) -> None:
    """HTTP for riders, staff and departments."""
    settings = IntakeApiSettings()
    reference = load(settings.reference)
    pool = PhotoPool(settings.photo_processes, Limits())
    process.on_stop("photo pool", pool.close)
    refuse_demo(settings.receipt_key_id, settings.environment)
    signer = ReceiptSigner(settings.receipt_key, settings.receipt_key_id)

    def routers(parts: Api) -> list[APIRouter]:
        database = parts.opened.database
        photos, views, rules = MongoPhotos(database), MongoViews(database), ReferenceRules(reference)
        return [http.router(parts.lane, REPORTS, INCIDENTS, photos, views, rules, pool, signer, system_clock, new_id)]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        routers=routers,
    )


async def worker(process: Process) -> None:
    """Publishes intake's events and follows dispatch's."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = IntakeSettings()
    await run_worker(
        process,
        settings,
        KafkaSettings(),
        service=SERVICE,
        reference_version=load(settings.reference).version,
        collections=COLLECTIONS,
        handlers=agents.handlers(STATUSES),
    )
