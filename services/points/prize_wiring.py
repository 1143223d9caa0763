"""The part of the composition root that makes homes, prizes, redemptions, benefits and papers of their parts."""

import secrets
from collections.abc import Iterable
from functools import partial

from fastapi import APIRouter

from services.points import benefits_api, homes_api, papers_api, redemptions_api, reports_api, stock_api
from services.points.benefits_api import BenefitDesk
from services.points.booking import Ledger
from services.points.domain.shelf import Words
from services.points.handing_out import End, Expire
from services.points.homes_api import Hall
from services.points.member_store import MEMBERS
from services.points.paper_store import MongoPapers
from services.points.ports import Books
from services.points.presses import PaperDesk, Press
from services.points.prize_census import PrizeCensus
from services.points.prize_metrics import PrizeMetrics
from services.points.prize_store import BENEFITS, REDEMPTIONS, STORE, MongoBenefits, MongoPrizes
from services.points.redemptions_api import RedemptionDesk
from services.points.shelf import ReferenceShelf
from services.points.stock_api import StockDesk
from services.points.stocking import SYSTEM
from shared.api import Api
from shared.beside import Beside, Job
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id
from shared.mongo.looks import Looks
from shared.mongo.timers import Timer
from shared.reference.reference import Reference


def prize_routers(parts: Api, books: Books, reference: Reference, press: Press) -> list[APIRouter]:
    """Their HTTP."""
    database, lane, shelf = parts.opened.database, parts.lane, ReferenceShelf(reference)
    views, ledger = MongoPrizes(database), _ledger(books, shelf)
    secret = partial(secrets.token_urlsafe, 24)
    office = {code: Words(place.zh, place.en) for code, place in reference.subdistricts.items()}
    papers = PaperDesk(MongoPapers(database), shelf, press, office, reference.points.rankings, system_clock)
    return [
        homes_api.router(Hall(shelf, views, system_clock)),
        stock_api.router(StockDesk(lane, STORE, shelf, views)),
        redemptions_api.router(RedemptionDesk(lane, STORE, ledger, shelf, views, system_clock, secret)),
        benefits_api.router(BenefitDesk(lane, BENEFITS, MEMBERS, shelf, MongoBenefits(database))),
        papers_api.router(papers),
        reports_api.router(papers),
    ]


def redemption_timer(books: Books, reference: Reference) -> Timer:
    """What is held expires by itself."""
    ledger = _ledger(books, ReferenceShelf(reference))
    return Timer(REDEMPTIONS.collection, lambda id_: Expire(End(STORE, ledger, id_, Context(SYSTEM, new_id()))))


def prize_jobs(beside: Beside, reference: Reference) -> Iterable[Job]:
    """What the worker counts."""
    lease, metrics = beside.lease("prize census"), PrizeMetrics(beside.registry)
    shelf, places = ReferenceShelf(reference), sorted(reference.subdistricts)
    census = PrizeCensus(beside.database, shelf, places, metrics)
    yield Job("prize census", Looks("prizes", lease, census.look, metrics.forget, seconds=30.0).run, lease)


def _ledger(books: Books, shelf: ReferenceShelf) -> Ledger:
    return Ledger(books, shelf.rule_version, shelf.version, new_id)
