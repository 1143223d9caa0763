"""All four apis over real MongoDB databases and behind sockets, with one story of Beidajie in each: who may see it?"""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx2
from fastapi import APIRouter, FastAPI
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from prometheus_client import CollectorRegistry

from ops.reference import beidajie
from services.dispatch import api as dispatch_api
from services.dispatch import (
    arrivals_api,
    case_store,
    cases_api,
    complaint_store,
    complaints_api,
    department_api,
    department_store,
    desk_api,
    queue_api,
    route_api,
    sheet_api,
)
from services.dispatch import policy as dispatch_policy
from services.dispatch import store as dispatch_store
from services.dispatch.arrival_store import MongoArrivals
from services.dispatch.handlers import ReceiveReport
from services.dispatch.rules import ReferenceRules
from services.intake import (
    accounts_api,
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
    visits_api,
)
from services.intake import api as intake_api
from services.intake import policy as intake_policy
from services.intake import store as intake_store
from services.intake.accounts_api import Office
from services.intake.domain.abuse import Finding
from services.intake.domain.invite import code_of
from services.intake.domain.report import Incident, Place, Point, Report, open_incident
from services.intake.domain.review import Review
from services.intake.domain.roster import Places
from services.intake.domain.session import Devices, open_session
from services.intake.domain.status import OrderView, Status
from services.intake.issuers import IdTokens
from services.intake.logins import LoginLimits
from services.intake.metrics import AccountMetrics
from services.intake.nearby_api import Lookout
from services.intake.noticing import Noticing
from services.intake.people_store import MongoCampaigns, MongoForgettings, MongoPeople
from services.intake.photo_links import PhotoLinks
from services.intake.photo_pool import PhotoPool
from services.intake.photo_store import MongoPhotos
from services.intake.photos import SanitisedPhoto
from services.intake.ports import Photo
from services.intake.public_api import Window
from services.intake.receipts import ReceiptSigner
from services.intake.report_store import MongoSpots, MongoViews
from services.intake.review_store import MongoPast, MongoReviews
from services.intake.reviews_api import ReviewDesk
from services.intake.sessions import InviteAccount
from services.intake.sessions_api import Door
from services.intake.taking import Taking
from services.intake.tokens import SessionTokens
from services.intake.visitors import Visitors
from services.notify import (
    address_store,
    broadcast_store,
    broadcasts_api,
    delivery_store,
    outcomes_api,
    preferences_api,
)
from services.notify import api as notify_api
from services.notify import app as notify_app
from services.notify import policy as notify_policy
from services.notify import store as notify_store
from services.notify.audience_book import AudienceBook
from services.notify.broadcasts import WriteBroadcast
from services.notify.domain.broadcast import Broadcast, State
from services.notify.domain.telling import Urgency
from services.notify.domain.words import Words
from services.notify.planning import Planning
from services.notify.rules import ReferenceNames
from services.notify.stream import Doorbell
from services.notify.ways import ReferenceWays
from services.points import api as points_api
from services.points import app as points_app
from services.points import campaigns_api
from services.points import policy as points_policy
from services.points import store as points_store
from services.points.activities import RecordActivity
from services.points.activity_metrics import ActivityMetrics
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id
from shared.metrics import Metrics
from shared.mongo.indexes import Collection
from shared.mongo.lane import Lane
from shared.pseudonym import Pseudonyms
from shared.reference.load import load
from shared.web import export
from shared.web.app import create
from shared.web.auth import TokenVerifier, read_jwks
from shared.web.policy import Policy
from tests.support import dispatching, doing, intaking, notifying, pointing, redeeming, rounds
from tests.support.lanes import running
from tests.support.people import DESK, account
from tests.support.serving import served
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo
from tests.support.tokens import AUDIENCE, ISSUER, Signer
from tests.unit.test_intake_roster import PLACES

SIGNER = Signer()
BEIDAJIE, ELSEWHERE = "140302003", "140302004"
HERE, NEXT = f"{BEIDAJIE}005", f"{BEIDAJIE}006"
"""The community where it happened, and its neighbour."""

RIDER, NEWCOMER = str(uuid.UUID(int=7)), str(uuid.UUID(int=8))
TEXT, CODE, NAME, PHONE = "井盖被冲开", "7K3M-9QXA", "张三", "13812345678"
CONTENT, DEVICE, GRID = "jpeg-of-a-manhole", "手机-七号", "14030200300500505"
ROUND = "冬季燃气安全入户"
WORDS, TRAINING = "帮王阿姨搬米上楼", "冬季安全培训"
SECRETS = (RIDER, TEXT, CODE, NAME, PHONE, CONTENT, DEVICE, GRID, ROUND, WORDS, TRAINING)
"""What nobody may find in an answer who has nothing to do with it."""

LINKS = PhotoLinks(b"0123456789abcdef0123456789abcdef")
"""Signs links to photos."""

UNCERTAIN, SOMEBODY = "unc", "rider-0"
"""An incident whose place is uncertain, and who reported it."""


@dataclass(frozen=True, slots=True)
class Estate:
    """One client for each api; `invite` and `refresh` open a session and carry one on."""

    clients: dict[str, httpx2.AsyncClient]
    apps: dict[str, FastAPI]
    stores: dict[str, MongoStore]
    invite: str
    refresh: str


class _Pool:
    """Takes any bytes for a picture."""

    async def sanitise(self, raw: bytes) -> SanitisedPhoto:
        return SanitisedPhoto(raw, raw, 10, 8, f"r-{raw!r}", "s", None, False, None, "0" * 16)


class _Places:
    def places(self, subdistrict: str) -> Places | None:
        return PLACES


@asynccontextmanager
async def estate(stack: Stack, folder: Path) -> AsyncIterator[Estate]:
    """Everything up and the story told, until the block ends."""
    verifier = TokenVerifier(read_jwks(SIGNER.write_jwks(folder / "jwks.json")), ISSUER, AUDIENCE)
    doorbell = Doorbell()
    async with AsyncExitStack() as open_:
        asking = await open_.enter_async_context(httpx2.AsyncClient())
        stores, lanes = {}, {}
        for name in _STORES:
            stores[name] = await open_.enter_async_context(in_mongo(stack, _COLLECTIONS[name]))
            lanes[name] = await open_.enter_async_context(running(stores[name].transactor))
        tokens = _tokens(folder)
        routers = {
            "intake": _intake(stores["intake"], lanes["intake"], folder, tokens, asking),
            "dispatch": _dispatch(stores["dispatch"], lanes["dispatch"]),
            "points": _points(stores["points"], lanes["points"]),
            "notify": _notify(stores["notify"], lanes["notify"], doorbell),
        }
        for name, module in _STORES.items():
            routers[name].append(export.router(name, module.exporter(stores[name].database), system_clock))
        apps = {name: _app(name, routers[name], POLICIES[name], verifier) for name in routers}
        clients = {name: await open_.enter_async_context(served(app)) for name, app in apps.items()}
        open_.push_async_callback(doorbell.close)
        invite, refresh = await _tell(stores, lanes, tokens)
        yield Estate(clients, apps, stores, invite, refresh)


_STORES: dict[str, Any] = {
    "intake": intake_store,
    "dispatch": dispatch_store,
    "points": points_store,
    "notify": notify_store,
}
_COLLECTIONS: dict[str, tuple[Collection, ...]] = {
    **{name: module.COLLECTIONS for name, module in _STORES.items()},
    "notify": notify_app.ALL_COLLECTIONS,
}
POLICIES: dict[str, Policy] = {
    "intake": intake_policy.POLICY,
    "dispatch": dispatch_policy.POLICY,
    "points": points_policy.POLICY,
    "notify": notify_policy.POLICY,
}


def _app(name: str, routers: Sequence[APIRouter], policy: Policy, verifier: TokenVerifier) -> FastAPI:
    metrics = Metrics(name, "api", "r")
    return create(name, metrics=metrics, checks={}, routers=routers, policy=policy, verifier=verifier)


def _tokens(folder: Path) -> SessionTokens:
    secret = folder / "secret"
    secret.write_bytes(b"0123456789abcdef0123456789abcdef")
    return SessionTokens(SIGNER.write_private_key(folder / "key.pem"), SIGNER.key_id, secret, ISSUER, AUDIENCE)


def _intake(
    store: MongoStore, lane: Lane, folder: Path, tokens: SessionTokens, asking: httpx2.AsyncClient
) -> list[APIRouter]:
    people, counted = MongoPeople(store.database), AccountMetrics(CollectorRegistry())
    signer = ReceiptSigner(SIGNER.write_private_key(folder / "receipt.pem"), SIGNER.key_id)
    many = RateLimitItemPerMinute(1_000)
    limits = LoginLimits(MemoryStorage(), many, many)
    office = Office(
        lane, DESK, people, _Places(), counted, "https://front.example/", new_id, lambda n: uuid.uuid4().bytes[:n]
    )
    door = Door(lane, DESK, people, tokens, IdTokens((), asking), limits, counted, system_clock, new_id, secure=True)
    spots = MongoSpots(store.database)
    taking = Taking(
        lane,
        intake_store.REPORTS,
        intake_store.INCIDENTS,
        intake_store.PHOTOS,
        MongoPhotos(store.database),
        MongoViews(store.database),
        intaking.StubRules(),
        system_clock,
        new_id,
        intake_store.HOLDINGS,
        spots,
        Noticing(MongoPast(store.database), lambda flag: None, lambda: None),
    )
    updates = updates_api.router(lane, intake_store.HOLDINGS, taking.photos, taking.views)
    nearby = nearby_api.router(Lookout(spots, taking.rules, system_clock, LINKS))
    pool = cast(PhotoPool, _Pool())
    photos = photos_api.router(taking, pool, signer, LINKS)
    window = public_api.router(Window(taking.views, taking.rules, Visitors(MemoryStorage(), many, many)))
    reviews = ReviewDesk(lane, intake_store.REPORTS, MongoReviews(store.database), lambda verdict: None)
    states = MongoForgettings(store.database)
    forgetting = forgetting_api.router(lane, intake_store.ACCOUNTS, states, Pseudonyms(b"k" * 32))
    rounds_desk = visits_api.RoundsDesk(
        lane,
        intake_store.ROUNDS,
        MongoCampaigns(store.database),
        MongoPhotos(store.database),
        intaking.StubRules(),
        intaking.StubRules(),
        system_clock,
    )
    reports = [intake_api.router(taking, pool), photos, window, reports_api.router(taking)]
    aids = [for_rider_api.router(taking, people), slip_api.router(taking, intaking.StubRules())]
    taken = [
        *reports,
        *aids,
        categories_api.router(load(beidajie.DIRECTORY)),
        updates,
        nearby,
        visits_api.router(rounds_desk),
        reviews_api.router(reviews),
    ]
    return [*taken, accounts_api.router(office), sessions_api.router(door), forgetting]


def _dispatch(store: MongoStore, lane: Lane) -> list[APIRouter]:
    incidents, rules = dispatch_store.INCIDENTS, dispatching.StubRules()
    orders = department_store.MongoOrderViews(store.database)
    desk = department_api.Desk(lane, incidents, orders, rules, dispatching.StubReceipts())
    views = dispatch_store.MongoViews(store.database)
    decisions = desk_api.router(lane, incidents, rules, new_id)
    queue = queue_api.router(case_store.MongoQueue(store.database), system_clock)
    books = cases_api.Books(case_store.MongoCases(store.database), dispatching.StubNames(), system_clock)
    kept, box = complaint_store.COMPLAINTS, complaint_store.MongoBox(store.database)
    return [
        queue,
        cases_api.router(books),
        sheet_api.router(views, dispatching.StubNames()),
        route_api.router(views, ReferenceRules(load(beidajie.DIRECTORY))),
        arrivals_api.router(MongoArrivals(store.database, frozenset())),
        complaints_api.router(lane, kept, incidents, box, new_id),
        dispatch_api.router(lane, incidents, views, rules),
        decisions,
        department_api.router(desk),
    ]


def _points(store: MongoStore, lane: Lane) -> list[APIRouter]:
    views = points_store.MongoCampaigns(store.database)
    desk = campaigns_api.CampaignDesk(lane, points_store.CAMPAIGNS, views, pointing.StubRules())
    counts = ActivityMetrics(CollectorRegistry())
    activities = points_app.activity_routers(lane, store.database, counts, pointing.StubRules())
    entries = points_app.entry_routers(lane, store.database, pointing.StubRules())
    books = points_api.router(points_store.MongoViews(store.database))
    return [books, campaigns_api.router(desk), *activities, *entries, *redeeming.routers(store.database, lane)]


def _notify(store: MongoStore, lane: Lane, doorbell: Doorbell) -> list[APIRouter]:
    inboxes = notify_store.MongoInboxes(store.database)
    names = notifying.StubNames()
    addresses, reference = address_store.MongoAddresses(store.database), load(beidajie.DIRECTORY)
    own = preferences_api.Own(
        lane,
        address_store.PREFERENCES,
        address_store.CONTACTS,
        delivery_store.DELIVERIES,
        addresses,
        new_id,
        lambda: "123456",
    )
    book = AudienceBook(reference, ReferenceNames(reference).all_groups)
    notices = broadcast_store.MongoBroadcasts(store.database)
    board = broadcasts_api.Board(lane, broadcast_store.BROADCASTS, notices, book, system_clock)
    return [
        notify_api.router(lane, notify_store.READ_MARKS, notify_store.RECIPIENTS, inboxes, names, doorbell),
        outcomes_api.router(delivery_store.MongoOutcomes(store.database), book),
        preferences_api.router(own),
        broadcasts_api.router(board),
    ]


async def _tell(stores: dict[str, MongoStore], lanes: dict[str, Lane], tokens: SessionTokens) -> tuple[str, str]:
    """What happened: a rider reported a manhole in `HERE`, and something else nobody knows quite where."""
    await _tell_intake(stores["intake"])
    await _tell_rounds(stores["intake"])
    rules = dispatching.StubRules(found="no rule matches")
    points = pointing.Points(lanes["points"])
    for incident, rider, text, code, place in (
        ("inc", RIDER, TEXT, CODE, notifying.place(HERE)),
        (UNCERTAIN, SOMEBODY, "不知何处", "2B4D-6F8H", notifying.place(None)),
    ):
        told = dispatching.report(incident, rider=rider, text=text, code=code, place=place)
        context = Context(f"rider:{rider}", "story-1")
        await lanes["dispatch"].submit(ReceiveReport(dispatch_store.INCIDENTS, rules, told, context))
        await points.hear(pointing.reported(rider, incident, place=place), pointing.moved("triaged", incident))
    proposal = {"rider": RIDER, "by": "staff:s9", "at": pointing.NINE, "state": "proposed", "decided_by": None}
    of_points = stores["points"].behind[stores["points"].place.name]
    of_points["incidents"].update_one({"_id": "inc"}, {"$set": {"outstanding": [proposal]}})
    await lanes["points"].submit(rounds.opening("camp", title_zh=ROUND, grids=(HERE,)))
    await _tell_activities(doing.Doing(lanes["points"]))
    await redeeming.tell(lanes["points"], RIDER)
    await notifying.hear(lanes["notify"], [notifying.reported(rider=RIDER)])
    database, addresses = stores["notify"].database, address_store.MongoAddresses(stores["notify"].database)
    words, target = Words(ROUND, ROUND), (f"group:officers-{HERE}",)
    for id_ in ("notice-1", "notice-2"):
        draft = Broadcast(
            id_, BEIDAJIE, (HERE,), "staff:s", words, words, Urgency.NORMAL, target, State.DRAFT, system_clock()
        )
        await lanes["notify"].submit(WriteBroadcast(broadcast_store.BROADCASTS, draft))
    ways = ReferenceWays(load(beidajie.DIRECTORY), addresses)
    await Planning(delivery_store.MongoShelf(database), ways, system_clock).step()
    return await _open_door(stores["intake"], lanes["intake"], tokens)


async def _tell_activities(points: doing.Doing) -> None:
    """The rider helped somebody, his captain's squad being another one then; and there is a training today."""
    now = system_clock()
    await points.member(RIDER, squad="squad-2", community=HERE)
    await points.lane.submit(
        RecordActivity(points.desk, doing.activity("act", RIDER, text=WORDS, grid=GRID), Context(f"rider:{RIDER}", "c"))
    )
    opened, over = now - timedelta(hours=2), now + timedelta(hours=10)
    await points.hold(id_="e1", title=TRAINING, opens_at=opened, starts_at=opened, ends_at=over)


async def _tell_intake(store: MongoStore) -> None:
    photos = MongoPhotos(store.database)
    for incident, rider, grid, code in (("inc", RIDER, intaking.GRID, CODE), (UNCERTAIN, SOMEBODY, None, "2B4D-6F8H")):
        photo = Photo(
            f"photo-of-{incident}", f"rider:{rider}", BEIDAJIE, "r", "s", 10, 8, None, None, "0" * 16, intaking.RECEIVED
        )
        await photos.put(photo, CONTENT.encode(), CONTENT.encode())
        point = Point(113.58, 37.857)
        report = Report(
            id=f"report-of-{incident}",
            client_key="phone-0001",
            fingerprint="f",
            rider=rider,
            subdistrict=BEIDAJIE,
            incident=incident,
            code=code,
            category={"scheme": "gb30428", "code": "P0101"},
            condition=None,
            emergency=False,
            place=Place(point, "wgs84", point, point, 12.0, None, grid),
            text=TEXT,
            interim_measures=None,
            photo_ids=(photo.id,),
            review=Review((Finding("same_photo", 3.0, photo.id),), sent_by=rider) if grid else None,
            captured_at=intaking.RECEIVED,
            received_at=intaking.RECEIVED,
            flags=(),
        )
        opened: Incident = open_incident(report)
        status = Status(incident, orders=(OrderView(f"{incident}.1", "water", "offered"),))
        store.put("reports", {**intake_store.REPORTS.dump(report), "version": 1})
        store.put("incidents", {**intake_store.INCIDENTS.dump(opened), "version": 1})
        store.put("statuses", {**intake_store.STATUSES.dump(status), "version": 1})
    store.put("codes", {"_id": CODE, "incident": "inc"})


async def _tell_rounds(store: MongoStore) -> None:
    now = system_clock()
    running = rounds.followed(starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1), title_zh=ROUND)
    store.put("campaigns", {**intake_store.CAMPAIGNS.dump(running), "version": 1})


async def _open_door(store: MongoStore, lane: Lane, tokens: SessionTokens) -> tuple[str, str]:
    rider = account(RIDER, name=NAME, phone=PHONE, community=HERE)
    newcomer = replace(account(NEWCOMER), name="赵六", phone=None, number=None, community=NEXT, squad="squad-9")
    for one in (rider, newcomer):
        store.put("accounts", {**intake_store.ACCOUNTS.dump(one), "version": 1})
    sessions = {id_: open_session(id_, RIDER, "app", DEVICE, system_clock()) for id_ in ("s-1", "s-2")}
    for session in sessions.values():
        store.put("sessions", {**intake_store.SESSIONS.dump(session), "version": 1})
    devices = Devices(RIDER, tuple(sessions))
    store.put("devices", {**intake_store.DEVICES.dump(devices), "version": 1})
    code = code_of(NEWCOMER, b"0123456789abcdef")
    await lane.submit(InviteAccount(DESK, NEWCOMER, code, "admin", "administrator", BEIDAJIE, ()))
    return code, tokens.refresh(sessions["s-2"])
