"""The night in which points grow old, on a real MongoDB; without `expiry_months` there is none."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from ops.local.state import REPOSITORY
from services.points.expiry_job import Expiry, Terms, expiry_jobs
from services.points.store import BOOKS, COLLECTIONS
from shared.beside import Beside
from shared.clock import system_clock
from shared.mongo.lease import Lease
from shared.reference.load import load
from shared.settings import KafkaSettings
from tests.support.lanes import running
from tests.support.pointing import Ledger
from tests.support.redeeming import BEIDAJIE, Counter
from tests.support.stack import Stack
from tests.support.stores import in_mongo

REFERENCE = load(REPOSITORY / "deploy/reference/beidajie")
TERMS = Terms(12, {BEIDAJIE: ZoneInfo("Asia/Shanghai")}, "2026-1", "ref-1")


async def test_points_expire_after_so_many_months_only_and_once(stack: Stack) -> None:
    async with in_mongo(stack, COLLECTIONS) as store, running(store.transactor) as lane:
        await Counter(lane).fund("anna", "bert", points=8)
        now = [system_clock() + timedelta(days=300)]
        lease = Lease(store.database, "expiry", "test")
        job = Expiry(store.database, lane, lease, BOOKS, TERMS, lambda: now[0])
        assert await job.look() == 0
        now[0] += timedelta(days=130)
        assert await job.look() == 16
        assert await job.look() == 0
        ledger = await Ledger.read(store.database)
        ledger.check()
        assert ledger.balances() == {}


async def test_it_is_off_unless_the_rules_say_after_how_many_months(stack: Stack) -> None:
    async with in_mongo(stack, COLLECTIONS) as store, running(store.transactor) as lane:
        login = {"bootstrap": "127.0.0.1:1", "username": "points", "password": "unused"}
        kafka = KafkaSettings.model_validate(login)
        beside = Beside(
            store.database, lane, CollectorRegistry(), kafka, lambda name: Lease(store.database, name, "test")
        )
        assert REFERENCE.points.expiry_months is None
        assert list(expiry_jobs(beside, BOOKS, REFERENCE)) == []
        on = replace(REFERENCE, points=REFERENCE.points.model_copy(update={"expiry_months": 12}))
        assert [job.name for job in expiry_jobs(beside, BOOKS, on)] == ["expiry"]
