"""Composition root: everything notify is made of, in reading order."""

from fastapi import APIRouter

from services.notify import agents
from services.notify import api as http
from services.notify.domain import telling
from services.notify.domain.templates import TEMPLATES
from services.notify.policy import POLICY
from services.notify.rules import ReferenceNames
from services.notify.settings import NotifySettings
from services.notify.store import (
    BOOKS,
    COLLECTIONS,
    PLAN,
    READ_MARKS,
    RECIPIENTS,
    RETENTION,
    InboxChanges,
    MongoInboxes,
    exporter,
)
from services.notify.stream import Doorbell
from shared.api import Api, run_api
from shared.clock import system_clock
from shared.reference.load import load
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

SERVICE = "notify"


async def api(process: Process) -> None:
    """Inboxes for riders and staff."""
    settings = NotifySettings()
    reference = load(settings.reference)
    doorbell = Doorbell()

    def routers(parts: Api) -> list[APIRouter]:
        database, names = parts.opened.database, ReferenceNames(reference)
        process.spawn("doorbell", InboxChanges(database).listen(doorbell))
        own = export.router(SERVICE, exporter(parts.opened.database), system_clock)
        return [http.router(parts.lane, READ_MARKS, RECIPIENTS, MongoInboxes(database), names, doorbell), own]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        routers=routers,
        policy=POLICY,
    )
    # Registered last, so it comes first: HTTP waits for its answers to end, and streams end only when told to.
    process.on_stop("streams", doorbell.close)


async def worker(process: Process) -> None:
    """Hears what happens and writes the messages."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = NotifySettings()
    reference = load(settings.reference)
    telling.check(telling.TABLE, TEMPLATES)
    await run_worker(
        process,
        settings,
        KafkaSettings(),
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        handlers=agents.handlers(BOOKS, ReferenceNames(reference)),
        plan=PLAN,
        retention=RETENTION,
    )
