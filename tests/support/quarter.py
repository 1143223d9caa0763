"""All four services over their own real MongoDB databases, without Kafka: the test carries outbox rows to the consumers."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.dispatch import agents as dispatch_agents
from services.dispatch import store as dispatch
from services.dispatch.ports import Receipt
from services.intake import activity_photos, visits
from services.intake import agents as intake_agents
from services.intake import store as intake
from services.intake.accounts import put_account
from services.intake.domain.account import Account
from services.intake.domain.report import GridPath, Place, Point, Report
from services.intake.forgetting import ForgetAccount
from services.intake.opening import OpenReport
from services.notify import agents as notify_agents
from services.notify import store as notify
from services.points import agents as points_agents
from services.points import evidence, members, suggesting, visiting
from services.points import store as points
from services.points.activity_store import ACTIVITIES
from services.points.member_store import MEMBERS
from services.points.paying import Teller
from services.points.visit_store import VISITS
from services.points.visiting import Rounds
from shared.clock import system_clock
from shared.context import Context
from shared.contracts.topics import ACCOUNT_CHANGED, FIXED, department_updates_topic
from shared.ids import new_id, report_id
from shared.kafka.agents import Consumer
from shared.mongo.forgetting import Forgetting, Plan
from shared.mongo.inbox import HELD_KEYS, Delivery
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.person import GRACE, SETTLE, handle_account
from shared.mongo.retry import RetryLoop
from shared.mongo.transactions import OUTBOX
from shared.mongo.veil import Veil
from shared.mongo.work import Ref, Work
from shared.pseudonym import Person, Pseudonyms
from tests.support.dispatching import StubRules as DispatchRules
from tests.support.lanes import running
from tests.support.notifying import StubNames
from tests.support.pointing import StubRules as PointsRules
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

HERE = "140302003"
PSEUDONYMS = Pseudonyms(b"k" * 32)
TELLER = Teller(points.BOOKS, PointsRules(), new_id)
CONTEXT = Context("administrator:admin-1", "c-1", None, None)
_GRID = GridPath(HERE, "140302003005", "140302003005005", "14030200300500505")

MODULES: Mapping[str, tuple[Any, Plan]] = {
    "intake": (intake, intake.PLAN),
    "dispatch": (dispatch, dispatch.PLAN),
    "points": (points, points.PLAN),
    "notify": (notify, notify.PLAN),
}


class AnyReceipt:
    """Every receipt is water's, of the photo `after`."""

    def verify(self, token: str) -> Receipt | None:
        return Receipt("after", "department:water", system_clock(), None)


@dataclass(frozen=True)
class PutAccount:
    """An account as a roster would bring it."""

    account: Account

    def reads(self) -> list[Ref]:
        keys = [f"phone:{self.account.phone}", f"number:{self.account.partner}:{self.account.number}"]
        return [intake.ACCOUNTS.ref(self.account.id), *(Ref("account_keys", key) for key in keys)]

    def decide(self, work: Work) -> None:
        put_account(work, intake.ACCOUNTS, None, self.account, CONTEXT)


@dataclass
class Service:
    """One service: its store, its consumers by topic, what retries and what forgets."""

    name: str
    store: MongoStore
    lane: Lane
    veil: Veil
    consumers: dict[str, Consumer]
    retries: RetryLoop
    forgetting: Forgetting


@dataclass
class Quarter:
    """The services, and everything that was ever on the wire."""

    services: dict[str, Service]
    later: timedelta = timedelta(0)
    wire: list[Delivery] = field(default_factory=list)

    def clock(self) -> datetime:
        """Server time as those see it who forget."""
        return system_clock() + self.later

    async def carry(self) -> None:
        """Publish and deliver until nothing waits in any outbox."""
        while await self._carry_once():
            pass

    async def _carry_once(self) -> bool:
        sent: list[Delivery] = []
        for service in self.services.values():
            outbox = service.store.behind[service.store.place.name][OUTBOX]
            for row in sorted(outbox.find({"published": None}), key=lambda row: (row["stored"], row["position"])):
                headers = [(name, bytes(content)) for name, content in row["headers"]]
                number = len(self.wire) + len(sent)
                key = row["key"].encode()
                sent.append(Delivery(row["topic"], 0, number, key, headers, bytes(row["value"]), system_clock()))
                outbox.update_one({"_id": row["_id"]}, {"$set": {"published": system_clock()}})
        self.wire += sent
        for delivery in sent:
            await self.deliver(delivery)
        return bool(sent)

    async def deliver(self, delivery: Delivery) -> None:
        """To every service that reads the topic."""
        for service in self.services.values():
            if delivery.topic in service.consumers:
                await service.veil.look()
                await service.consumers[delivery.topic].process([delivery])

    async def deliver_all_again(self) -> None:
        """Everything, from the first to the last, as after a consumer group was set back."""
        for delivery in list(self.wire):
            await self.deliver(delivery)

    async def retry(self) -> None:
        """Whatever is held is due now."""
        for service in self.services.values():
            await service.veil.look()
            held = service.store.behind[service.store.place.name][HELD_KEYS]
            while held.count_documents({"state": "retrying"}):
                before = held.count_documents({}), sum(len(one["line"]) for one in held.find())
                held.update_many({"state": "retrying"}, {"$set": {"due": datetime(2020, 1, 1, tzinfo=UTC)}})
                await service.retries.step()
                if before == (held.count_documents({}), sum(len(one["line"]) for one in held.find())):
                    break

    async def pass_time(self, much: timedelta) -> None:
        """Later, everyone who forgets has another look, and what follows from it is carried."""
        self.later += much
        for service in self.services.values():
            await service.forgetting.step()
            await service.forgetting.step()
        await self.retry()
        await self.carry()

    async def forget(self, account: str, reason: Any = "own_wish") -> None:
        """Ask for it, and let the time pass that it takes."""
        await self.ask(account, reason)
        await self.carry()
        await self.pass_time(GRACE + timedelta(seconds=1))
        await self.pass_time(SETTLE)

    async def ask(self, account: str, reason: Any = "own_wish") -> None:
        """The administrator's command."""
        person = Person(account, PSEUDONYMS.of(account))
        command = ForgetAccount(intake.ACCOUNTS, person, HERE, reason, "admin-1", CONTEXT)
        await self.services["intake"].lane.submit(command)

    async def report(self, rider: str, text: str, photos: tuple[str, ...] = ()) -> str:
        """A rider reports a water cover. Returns the incident."""
        now = system_clock()
        point, incident = Point(113.58, 37.857), new_id()
        report = Report(
            id=report_id(rider, incident),
            client_key=f"key-{incident}",
            fingerprint="f",
            rider=rider,
            subdistrict=HERE,
            incident=incident,
            code="",
            category={"scheme": "gb30428", "code": "P0101"},
            condition=None,
            emergency=False,
            place=Place(point, "wgs84", point, point, 12.0, None, _GRID),
            text=text,
            interim_measures=None,
            photo_ids=photos,
            captured_at=now,
            received_at=now,
            flags=(),
        )
        context = Context(f"rider:{rider}", "c-2", None, None)
        command = OpenReport(intake.HOLDINGS, report, (), context)
        await self.services["intake"].lane.submit(command)
        await self.carry()
        return incident

    async def department(self, incident: str, kind: str, **more: Any) -> None:
        """What water says of its order."""
        found = self.services["dispatch"].store.get(Ref("incidents", incident))
        assert found is not None
        order = found["orders"][0]
        update = {"subdistrict": HERE, "update_id": new_id(), "order": order["id"], "seen_seq": order["seq"]}
        value = json.dumps({**update, "kind": kind, "at": system_clock().isoformat(), **more}).encode()
        attributes = {"specversion": "1.0", "id": update["update_id"], "source": "/department/water"}
        headers = [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
        headers += [
            ("ce_time", system_clock().isoformat().encode()),
            ("ce_type", b"cn.qianshao.order.updated.v1"),
            ("content-type", b"application/json"),
        ]
        topic = department_updates_topic("water").name
        delivery = Delivery(topic, 0, len(self.wire), b"k", headers, value, system_clock())
        self.wire.append(delivery)
        await self.deliver(delivery)
        await self.carry()

    async def fix(self, incident: str) -> None:
        """Accepted and done: the incident is resolved, and pays."""
        await self.department(incident, "accepted")
        await self.department(incident, "done", receipts=["a.b.c"])

    def documents(self) -> list[tuple[str, str, Any]]:
        """(service, collection, document) of everything that is stored anywhere."""
        found = []
        for service in self.services.values():
            database = service.store.behind[service.store.place.name]
            for name in sorted(database.list_collection_names()):
                found += [(service.name, name, document) for document in database[name].find()]
        return found

    def naming(self, *needles: str) -> list[tuple[str, str, Any]]:
        """Where any of these texts stands: keys, values, ids, bytes."""
        return [
            (service, collection, document["_id"])
            for service, collection, document in self.documents()
            if any(_holds(document, needle) for needle in needles)
        ]


def _holds(value: Any, needle: str) -> bool:
    if isinstance(value, bytes):
        return needle.encode() in value
    if isinstance(value, dict):
        return any(_holds(one, needle) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple):
        return any(_holds(one, needle) for one in value)
    return needle in str(value)


@asynccontextmanager
async def quarter(stack: Stack) -> AsyncIterator[Quarter]:
    """Four databases and everything over them."""
    house = Quarter({})
    handlers: dict[str, Mapping[str, Any]] = {
        "intake": {
            **intake_agents.handlers(intake.HOLDINGS),
            **visits.handlers(intake.CAMPAIGNS),
            **activity_photos.handlers(intake.ACTIVITY_PHOTOS),
        },
        "dispatch": dispatch_agents.handlers(dispatch.INCIDENTS, DispatchRules(), AnyReceipt(), ["water"]),
        "points": {
            **suggesting.handlers(points_agents.handlers(points.BOOKS, PointsRules(), new_id), ACTIVITIES, TELLER),
            **evidence.handlers(points.BOOKS, PointsRules(), points.JUDGEMENTS, new_id),
            **visiting.handlers(Rounds(points.CAMPAIGNS, VISITS, TELLER)),
            **members.handlers(MEMBERS),
        },
        "notify": notify_agents.handlers(notify.BOOKS, StubNames()),
    }
    async with AsyncExitStack() as open_:
        for name, (module, plan) in MODULES.items():
            store = await open_.enter_async_context(in_mongo(stack, module.COLLECTIONS))
            lane = await open_.enter_async_context(running(store.transactor))
            house.services[name] = _service(house, name, store, lane, plan, handlers[name])
        yield house


def _service(house: Quarter, name: str, store: MongoStore, lane: Lane, plan: Plan, own: Mapping[str, Any]) -> Service:
    def fatal(error: BaseException) -> None:
        raise error

    known = {topic.name: topic for topic in FIXED}
    heard = {t: h for t, h in own.items() if t not in known or name in known[t].consumers}
    if name in ACCOUNT_CHANGED.consumers:
        heard[ACCOUNT_CHANGED.name] = handle_account(PSEUDONYMS, own.get(ACCOUNT_CHANGED.name))
    veil = Veil(store.database, PSEUDONYMS)
    lease = Lease(store.database, "forgetting", name)
    return Service(
        name,
        store,
        lane,
        veil,
        {topic: Consumer(topic, name, handle, lane, system_clock, fatal, veil=veil) for topic, handle in heard.items()},
        RetryLoop(store.database, lane, name, heard, veil),
        Forgetting(store.database, lane, lease, name, plan, house.clock),
    )
