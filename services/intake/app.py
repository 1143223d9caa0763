"""Composition root: everything intake is made of, in reading order."""

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import httpx2
from fastapi import APIRouter

from services.intake import (
    accounts_api,
    activity_photos,
    agents,
    categories_api,
    for_rider_api,
    forgetting_api,
    nearby_api,
    photos_api,
    public_api,
    reports_api,
    reviews_api,
    sessions_api,
    slip_api,
    updates_api,
    visits,
    visits_api,
)
from services.intake import api as http
from services.intake.accounts_api import Office
from services.intake.allowances import Allowances, limited, per_hour
from services.intake.census import Census, WaitingMetrics
from services.intake.counting import ReportMetrics
from services.intake.domain.account import Account
from services.intake.domain.invite import SECRET_BYTES, Invite, code_of
from services.intake.domain.roster import check_places
from services.intake.issuers import IdTokens, read_issuers
from services.intake.links import invite_link
from services.intake.logins import LoginLimits, counters
from services.intake.metrics import AccountMetrics, ReviewMetrics
from services.intake.nearby_api import Lookout
from services.intake.noticing import Noticing
from services.intake.people_store import MongoCampaigns, MongoForgettings, MongoPeople
from services.intake.photo_links import PhotoLinks
from services.intake.photo_pool import PhotoPool
from services.intake.photo_store import MongoPhotos
from services.intake.photos import Limits
from services.intake.policy import POLICY
from services.intake.public_api import Window
from services.intake.receipts import ReceiptSigner
from services.intake.report_store import MongoSpots, MongoViews
from services.intake.retention_store import RETENTION
from services.intake.review_store import MongoPast, MongoReviews
from services.intake.reviews_api import ReviewDesk
from services.intake.rules import ReferenceRules
from services.intake.sessions import Desk, InviteFirst
from services.intake.sessions_api import Door
from services.intake.settings import IntakeApiSettings, IntakeSettings
from services.intake.store import (
    ACCOUNTS,
    ACTIVITY_PHOTOS,
    CAMPAIGNS,
    COLLECTIONS,
    DEVICES,
    HOLDINGS,
    INCIDENTS,
    INVITES,
    PHOTOS,
    PLAN,
    REPORTS,
    ROUNDS,
    SESSIONS,
    exporter,
)
from services.intake.taking import Taking
from services.intake.tokens import SessionTokens
from services.intake.visitors import Visitors
from services.intake.visits_api import RoundsDesk
from services.intake.waiting import SettlePhotos
from shared.api import Api, run_api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.context import Context
from shared.errors import Unavailable
from shared.ids import new_id
from shared.mongo.lane import Lane
from shared.mongo.looks import Looks
from shared.mongo.opening import OpenDatabase
from shared.mongo.timers import Timer
from shared.mongo.transactions import MongoTransactor
from shared.pseudonym import Pseudonyms
from shared.reference.load import load
from shared.runtime import Process
from shared.settings import KafkaSettings
from shared.web import export
from shared.web.auth import refuse_demo

SERVICE = "intake"
_INVITE_SECONDS = 30.0
DESK = Desk(ACCOUNTS, INVITES, SESSIONS, DEVICES)


async def api(process: Process) -> None:
    """HTTP for riders, staff and departments."""
    settings = IntakeApiSettings()
    reference = load(settings.reference)
    pool = PhotoPool(settings.photo_processes, Limits())
    process.on_stop("photo pool", pool.close)
    refuse_demo(settings.receipt_key_id, settings.environment)
    signer = ReceiptSigner(settings.receipt_key, settings.receipt_key_id)
    tokens, pseudonyms = _session_tokens(settings), Pseudonyms.from_file(settings.forget_key)
    asking = httpx2.AsyncClient(follow_redirects=False)
    process.on_stop("issuers", asking.aclose)
    id_tokens = IdTokens(read_issuers(settings.oidc_issuers), asking)
    counted = counters(settings.mongo_uri.get_secret_value(), settings.mongo_database)
    limits, visitors = LoginLimits(counted), Visitors(counted)
    links = PhotoLinks.from_file(settings.session_secret)
    process.on_stop("counters of logins", limits.close)

    def routers(parts: Api) -> list[APIRouter]:
        database = parts.opened.database
        photos, views, rules = MongoPhotos(database), MongoViews(database), ReferenceRules(reference)
        surroundings = MongoSpots(database)
        people, metrics = MongoPeople(database), AccountMetrics(parts.metrics.registry)
        office = Office(parts.lane, DESK, people, rules, metrics, settings.public_origin, new_id, secrets.token_bytes)
        seen = ReviewMetrics(parts.metrics.registry)
        noticing = Noticing(MongoPast(database), lambda flag: seen.flags.labels(flag).inc(), seen.unexamined.inc)
        taking = Taking(
            parts.lane,
            REPORTS,
            INCIDENTS,
            PHOTOS,
            photos,
            views,
            rules,
            clock=system_clock,
            new_id=new_id,
            holdings=HOLDINGS,
            surroundings=surroundings,
            noticing=noticing,
            counting=ReportMetrics(parts.metrics.registry).counting,
        )
        allowances = Allowances(
            counted,
            per_hour(settings.photos_an_hour, settings.reports_an_hour, settings.visits_an_hour),
            lambda what: seen.refused.labels(what).inc(),
            lambda what: seen.uncounted.labels(what).inc(),
        )
        reviews = ReviewDesk(
            parts.lane, REPORTS, MongoReviews(database), lambda verdict: seen.verdicts.labels(verdict).inc()
        )
        secure = settings.environment != "development"
        door = Door(parts.lane, DESK, people, tokens, id_tokens, limits, metrics, system_clock, new_id, secure=secure)
        rounds = visits_api.router(
            RoundsDesk(parts.lane, ROUNDS, MongoCampaigns(database), photos, rules, rules, system_clock)
        )
        return [
            *limited(
                allowances,
                http.router(taking, pool),
                photos_api.router(taking, pool, signer, links),
                reports_api.router(taking),
                rounds,
            ),
            public_api.router(Window(views, rules, visitors)),
            categories_api.router(reference),
            updates_api.router(parts.lane, HOLDINGS, photos, views),
            nearby_api.router(Lookout(surroundings, rules, system_clock, links)),
            for_rider_api.router(taking, people),
            slip_api.router(taking, rules),
            reviews_api.router(reviews),
            accounts_api.router(office),
            sessions_api.router(door),
            forgetting_api.router(parts.lane, ACCOUNTS, MongoForgettings(database), pseudonyms),
            export.router(SERVICE, exporter(database), system_clock),
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


def _session_tokens(settings: IntakeApiSettings) -> SessionTokens:
    refuse_demo(settings.session_key_id, settings.environment)
    return SessionTokens(
        settings.session_key,
        settings.session_key_id,
        settings.session_secret,
        settings.jwt_issuer,
        settings.jwt_audience,
    )


async def invite(wanted: Account) -> tuple[Account, str, datetime]:
    """The account of that name and role, made if it is not there, its one-time link, and when that expires.

    `wanted` has no id yet. Raises `Refused` naming what is wrong, `Unavailable` if the database does not answer.
    """
    settings = IntakeApiSettings()
    rules = ReferenceRules(load(settings.reference))
    places = rules.places(wanted.subdistrict)
    check_places(places, wanted.community, wanted.communities, wanted.department)
    opened = OpenDatabase(settings, f"{SERVICE}.invite", COLLECTIONS)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_INVITE_SECONDS):
                await opened.prepare()
        if not opened.prepared.is_set():
            raise Unavailable("MongoDB does not answer")
        known = await MongoPeople(opened.database).named(wanted.subdistrict, wanted.role, wanted.name or "")
        account = known or replace(wanted, id=new_id())
        code = code_of(account.id, secrets.token_bytes(SECRET_BYTES))
        made = await _submit(opened, InviteFirst(DESK, account, code, Context("operator:command-line", new_id())))
        return account, invite_link(settings.public_origin, account.role, code), made.expires_at
    finally:
        await opened.close()


async def _submit(opened: OpenDatabase, command: InviteFirst) -> Invite:
    """One command through a lane of its own."""
    lane = Lane(MongoTransactor(opened.client, opened.database, system_clock))
    running = asyncio.create_task(lane.run())
    try:
        return await lane.submit(command)
    finally:
        running.cancel()


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
        handlers={
            **agents.handlers(HOLDINGS),
            **visits.handlers(CAMPAIGNS),
            **activity_photos.handlers(ACTIVITY_PHOTOS),
        },
        plan=PLAN,
        retention=RETENTION,
        timers=(Timer(REPORTS.collection, lambda id_: SettlePhotos(REPORTS, INCIDENTS, PHOTOS, id_)),),
        beside=_jobs,
    )


def _jobs(beside: Beside) -> Iterable[Job]:
    """What the worker does beside consuming, publishing and waking."""
    lease, census = beside.lease("census"), Census(beside.database, WaitingMetrics(beside.registry))
    yield Job("census", Looks("census", lease, census.look, census.forget).run, lease)
