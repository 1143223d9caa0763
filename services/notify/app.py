"""Composition root: everything notify is made of, in reading order."""

import secrets
from collections.abc import Iterable

import structlog
from fastapi import APIRouter

from services.notify import (
    address_store,
    agents,
    broadcast_store,
    broadcasts_api,
    delivery_store,
    digest_store,
    members,
    outcomes_api,
    preferences_api,
)
from services.notify import api as http
from services.notify.address_store import CONTACTS, MEMBERS, PREFERENCES, MongoAddresses
from services.notify.audience_book import AudienceBook
from services.notify.broadcast_store import BROADCASTS, MongoBroadcasts
from services.notify.broadcasting import Broadcasting
from services.notify.channels.opening import ChannelSettings, open_channels
from services.notify.channels.secret import faults
from services.notify.delivery_metrics import DeliveryMetrics, Watching
from services.notify.delivery_store import DELIVERIES, MongoOutcomes, MongoShelf
from services.notify.digest_store import MongoFacts
from services.notify.digesting import Digesting
from services.notify.domain import telling
from services.notify.domain.templates import TEMPLATES
from services.notify.planning import Planning
from services.notify.policy import POLICY
from services.notify.rules import ReferenceNames
from services.notify.sending import Sending
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
from services.notify.ways import ReferenceWays
from shared.api import Api, run_api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.ids import new_id
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export

log = structlog.get_logger(__name__)

SERVICE = "notify"
ALL_COLLECTIONS = (
    *COLLECTIONS,
    *delivery_store.COLLECTIONS,
    *address_store.COLLECTIONS,
    *broadcast_store.COLLECTIONS,
    *digest_store.COLLECTIONS,
)


async def api(process: Process) -> None:
    """Inboxes for riders and staff."""
    settings = NotifySettings()
    reference = load(settings.reference)
    doorbell = Doorbell()

    def routers(parts: Api) -> list[APIRouter]:
        database, names = parts.opened.database, ReferenceNames(reference)
        process.spawn("doorbell", InboxChanges(database).listen(doorbell))
        own = export.router(SERVICE, exporter(parts.opened.database), system_clock)
        inboxes = http.router(parts.lane, READ_MARKS, RECIPIENTS, MongoInboxes(database), names, doorbell)
        book = AudienceBook(reference, names.all_groups)
        choices = preferences_api.Own(
            parts.lane, PREFERENCES, CONTACTS, DELIVERIES, MongoAddresses(database), new_id, six_digits
        )
        outcomes = outcomes_api.router(MongoOutcomes(database), book)
        board = broadcasts_api.Board(parts.lane, BROADCASTS, MongoBroadcasts(database), book, system_clock)
        return [inboxes, outcomes, preferences_api.router(choices), broadcasts_api.router(board), own]

    await run_api(
        process,
        settings,
        service=SERVICE,
        reference_version=reference.version,
        collections=ALL_COLLECTIONS,
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
        collections=ALL_COLLECTIONS,
        handlers={**agents.handlers(BOOKS, ReferenceNames(reference)), **members.handlers(MEMBERS, BOOKS)},
        plan=PLAN,
        retention=(*RETENTION, *delivery_store.RETENTION, *broadcast_store.RETENTION),
        beside=lambda beside: _jobs(settings, reference, beside),
    )


def six_digits() -> str:
    """What goes to an address that is to be confirmed."""
    return f"{secrets.randbelow(1_000_000):06d}"


def _jobs(settings: NotifySettings, reference: Reference, beside: Beside) -> Iterable[Job]:
    """What leaves the house. One worker sends; planning may be done by several at once."""
    shelf, lease = MongoShelf(beside.database), beside.lease("deliveries")
    ways = ReferenceWays(reference, MongoAddresses(beside.database))
    metrics = DeliveryMetrics(beside.registry)
    channels = open_channels(ChannelSettings(), system_clock, new_id, development=settings.environment == "development")
    for fault in faults(ways.endpoints(), channels.secrets):
        log.warning("a robot lacks its secret", fault=fault)
    sending = Sending(
        shelf, ways, channels.by_kind, lease, system_clock, metrics, ways.quiet_until, settings.public_origin
    )
    notices_lease = beside.lease("broadcasts")
    notices = MongoBroadcasts(beside.database)
    broadcasting = Broadcasting(beside.lane, BROADCASTS, BOOKS, notices, notices_lease, system_clock, reference.version)
    yield Job("broadcasts", broadcasting.run, notices_lease)
    digests_lease, facts = beside.lease("digests"), MongoFacts(beside.database)
    days = settings.quiet_grid_days
    digesting = Digesting(beside.lane, BOOKS, facts, digests_lease, system_clock, reference, days)
    yield Job("digests", digesting.run, digests_lease)
    yield Job("planning", Planning(shelf, ways, system_clock).run)
    yield Job("deliveries", sending.run, lease, channels.close)
    yield Job("waiting deliveries", Watching(shelf.unsent, lease.safe, system_clock, metrics).run)
