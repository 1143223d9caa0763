"""Composition root: everything dispatch is made of, in reading order."""

from collections.abc import Callable, Iterable
from functools import partial

from fastapi import APIRouter

from services.dispatch import (
    agents,
    arrivals_api,
    cases_api,
    complaints_api,
    department_api,
    desk_api,
    queue_api,
    readers_store,
    route_api,
    sheet_api,
    store,
    webhook_store,
)
from services.dispatch import api as http
from services.dispatch.arrival_store import MongoArrivals
from services.dispatch.case_store import MongoCases, MongoQueue
from services.dispatch.catching_up import CatchingUp
from services.dispatch.census import Census
from services.dispatch.complaint_store import COMPLAINTS, MongoBox
from services.dispatch.department_metrics import ReaderMetrics, WebhookMetrics
from services.dispatch.department_store import MongoOrderViews
from services.dispatch.domain.webhooks import Hook
from services.dispatch.metrics import DispatchMetrics
from services.dispatch.names import ReferenceNames
from services.dispatch.policy import POLICY
from services.dispatch.readers import Readers
from services.dispatch.receipts import ReceiptVerifier
from services.dispatch.rules import ReferenceRules
from services.dispatch.settings import DispatchSettings
from services.dispatch.store import INCIDENTS, PLAN, RETENTION, MongoViews, exporter
from services.dispatch.ticking import Tick
from services.dispatch.webhook_client import WebhookClient, read_secrets
from services.dispatch.webhooks import Webhooks
from shared.api import Api, run_api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.ids import new_id
from shared.kafka.unread import unread
from shared.mongo.looks import Looks
from shared.mongo.timers import Timer
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

SERVICE = "dispatch"

COLLECTIONS = (*store.COLLECTIONS, *webhook_store.COLLECTIONS, *readers_store.COLLECTIONS)
"""All that api and worker make, whichever is first."""


async def api(process: Process) -> None:
    """HTTP for community staff and leads."""
    settings = DispatchSettings()
    reference = load(settings.reference)
    rules, receipts = ReferenceRules(reference), ReceiptVerifier(settings.receipt_jwks, settings.environment)
    names = ReferenceNames(reference)

    def routers(parts: Api) -> list[APIRouter]:
        own = export.router(SERVICE, exporter(parts.opened.database), system_clock)
        views = MongoViews(parts.opened.database)
        orders = MongoOrderViews(parts.opened.database)
        desk = desk_api.router(parts.lane, INCIDENTS, rules, new_id)
        inbox = department_api.router(department_api.Desk(parts.lane, INCIDENTS, orders, rules, receipts))
        queue = queue_api.router(MongoQueue(parts.opened.database), system_clock)
        books = cases_api.Books(MongoCases(parts.opened.database), names, system_clock)
        box = complaints_api.router(parts.lane, COMPLAINTS, INCIDENTS, MongoBox(parts.opened.database), new_id)
        sheet = sheet_api.router(views, names)
        return [
            queue,
            cases_api.router(books),
            box,
            sheet,
            route_api.router(views, rules),
            arrivals_api.router(MongoArrivals(parts.opened.database, _hooked(reference))),
            http.router(parts.lane, INCIDENTS, views, rules),
            desk,
            inbox,
            own,
        ]

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
    """Routes new incidents, hears the departments, publishes what happened."""
    from shared.worker import run_worker  # here: an api would pay a second of CPU for Faust that it never uses

    settings = DispatchSettings()
    reference = load(settings.reference)
    rules, receipts = ReferenceRules(reference), ReceiptVerifier(settings.receipt_jwks, settings.environment)

    def tick(id_: str) -> Tick:
        return Tick(INCIDENTS, rules, id_, new_id())

    await run_worker(
        process,
        settings,
        KafkaSettings(),
        service=SERVICE,
        reference_version=reference.version,
        collections=COLLECTIONS,
        handlers=agents.handlers(INCIDENTS, rules, receipts, reference.departments),
        plan=PLAN,
        retention=RETENTION,
        timers=(Timer(INCIDENTS.collection, tick),),
        beside=lambda beside: [
            *_jobs(beside, tick),
            *_readers(reference, beside),
            *_webhooks(settings, reference, beside),
        ],
    )


def _hooked(reference: Reference) -> frozenset[str]:
    """Departments that have a webhook."""
    return frozenset(code for code, one in reference.departments.items() if one.webhook is not None)


def _jobs(beside: Beside, tick: Callable[[str], Tick]) -> Iterable[Job]:
    """What the worker does beside consuming, publishing and waking."""
    lease, census = beside.lease("census"), Census(beside.database, DispatchMetrics(beside.registry))
    yield Job("census", Looks("census", lease, census.look, census.forget).run, lease)
    yield Job("catching up", CatchingUp(beside.database, beside.lane, tick).run)


def _readers(reference: Reference, beside: Beside) -> list[Job]:
    """Looks who of the departments on Kafka reads."""
    told = [code for code, one in reference.departments.items() if one.contact == "topic"]
    if not told:
        return []
    lease, readings = beside.lease("readers"), readers_store.MongoReadings(beside.database)
    ask, shown = partial(unread, beside.kafka), ReaderMetrics(beside.registry)
    return [Job("readers", Readers(told, ask, readings, lease, system_clock, shown).run, lease)]


def _webhooks(settings: DispatchSettings, reference: Reference, beside: Beside) -> list[Job]:
    """Departments' webhooks; none is configured as a rule."""
    kept = {code: one.webhook for code, one in reference.departments.items() if one.webhook is not None}
    if not kept:
        return []
    hooks = [Hook(code, webhook.url, webhook.key) for code, webhook in sorted(kept.items())]
    hosts = [host.strip() for host in settings.webhook_hosts.split(",") if host.strip()]
    development = settings.environment == "development"
    secrets, authorities = read_secrets(settings.webhook_secrets), settings.webhook_authorities
    client = WebhookClient(hosts, secrets, development=development, authorities=authorities)
    lease, counts = beside.lease("webhooks"), WebhookMetrics(beside.registry)
    deliveries = webhook_store.MongoDeliveries(beside.database)
    webhooks = Webhooks(hooks, deliveries, client, lease, system_clock, counts)
    return [Job("webhooks", webhooks.run, lease, client.close)]
