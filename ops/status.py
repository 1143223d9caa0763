"""What `qianshao status` shows: everything that moves, gathered at once, and what of it is not as it should be."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pymongo

from ops import groups, processes
from ops.groups import Group
from ops.installation import Installation, databases
from ops.look import CannotLook
from ops.processes import Seen
from shared.clock import Clock
from shared.mongo.client import Database
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import HELD_KEYS
from shared.mongo.transactions import OUTBOX

SECONDS = 10.0
LATE_SECONDS = 60.0
"""An outbox whose oldest row is older has stopped: the alert OutboxStuck says the same."""

DEAF = timedelta(minutes=15)
"""A department that has not read for so long is deaf: the alert DepartmentDeaf says the same."""


@dataclass(frozen=True, slots=True)
class Books:
    """What waits in one service's database. `oldest_seconds` of the outbox; `holder` of the relay's lease, "" if free."""

    service: str
    outbox: int
    oldest_seconds: float
    parked: int
    held: int
    dead_keys: int
    letters: int
    holder: str


@dataclass(frozen=True, slots=True)
class Status:
    """`incidents`: how many by dispatch's state. `away`: why a part could not be asked. `deaf`: which departments have
    not read, each with a sentence; it is for people there to mend, so it is nothing wrong with us."""

    at: datetime
    processes: list[Seen]
    books: list[Books]
    groups: list[Group]
    incidents: Mapping[str, int]
    away: list[str]
    deaf: Mapping[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """Each a sentence; empty when nothing needs anybody. Open dead letters are work, not a fault of the system."""
        return [*self.away, *_of_processes(self.processes), *_of_books(self.books), *_of_groups(self.groups)]


async def gather(installation: Installation, clock: Clock) -> Status:
    """Ask everything at once; what does not answer is named in `away`. Raises `CannotLook` if nothing answers."""
    seen, (books, incidents, deaf, mongo), (found, kafka) = await asyncio.gather(
        processes.ask_all(installation.processes, clock), _stores(installation, clock), _bus(installation)
    )
    away = [reason for reason in (mongo, kafka) if reason]
    if len(away) == 2 and not any(one.ready for one in seen):
        raise CannotLook(f"没有任何应答 nothing answers: {'; '.join(away)} → ./run, qianshao doctor")
    return Status(clock(), seen, books, found, incidents, away, deaf)


async def _stores(
    installation: Installation, clock: Clock
) -> tuple[list[Books], Mapping[str, int], Mapping[str, str], str | None]:
    try:
        with pymongo.timeout(SECONDS):
            async with databases(installation) as opened:
                books = await asyncio.gather(*(read_books(name, database) for name, database in opened.items()))
                dispatch = opened.get("dispatch")
                deaf = {} if dispatch is None else await deaf_departments(dispatch, clock())
                return list(books), await _incidents(dispatch), deaf, None
    except pymongo.errors.PyMongoError as error:
        return [], {}, {}, f"MongoDB 无应答 does not answer: {str(error)[:200]}"


async def read_books(service: str, database: Database) -> Books:
    """What waits in this database. Raises what the driver raises."""
    waiting = {"published": None}
    oldest = (
        await database[OUTBOX]
        .aggregate(
            [
                {"$match": waiting},
                {"$sort": {"stored": 1}},
                {"$limit": 1},
                {"$project": {"ms": {"$subtract": ["$$NOW", "$stored"]}}},
            ]
        )
        .to_list(1)
    )
    held = {"_id": "relay", "$expr": {"$gt": ["$until", "$$NOW"]}}
    lease: dict[str, Any] = await database["leases"].find_one(held) or {}
    return Books(
        service=service,
        outbox=await database[OUTBOX].count_documents(waiting),
        oldest_seconds=oldest[0]["ms"] / 1000 if oldest else 0.0,
        parked=await database[OUTBOX].count_documents({"parked": {"$type": "string"}}),
        held=await database[HELD_KEYS].count_documents({}),
        dead_keys=await database[HELD_KEYS].count_documents({"state": "dead"}),
        letters=await database[DEAD_LETTERS].count_documents({"state": "open"}),
        holder=lease.get("holder", ""),
    )


async def _incidents(dispatch: Database | None) -> dict[str, int]:
    if dispatch is None:
        return {}
    counted = dispatch["incidents"].aggregate([{"$sortByCount": "$state"}])
    return {one["_id"]: one["count"] for one in await counted.to_list(None)}


async def deaf_departments(dispatch: Database, now: datetime) -> dict[str, str]:
    """Who has not read for longer than `DEAF`, as dispatch's worker saw it last: a sentence by department, that which waits
    longest first. Raises what the driver raises."""
    found = dispatch["department_readings"].find({"unread_since": {"$lt": now - DEAF}}).sort("unread_since", 1)
    return {
        one["_id"]: f"{one['unread']} 条消息无人读 messages unread, "
        f"最老 oldest {(now - one['unread_since']) // timedelta(minutes=1)} min"
        for one in await found.to_list(None)
    }


async def _bus(installation: Installation) -> tuple[list[Group], str | None]:
    try:
        return list((await groups.read(installation.access.kafka)).groups.values()), None
    except CannotLook as error:
        return [], str(error)


def _of_processes(seen: list[Seen]) -> list[str]:
    failing = [f"{one.name}: {check}: {reason}" for one in seen for check, reason in one.failing.items()]
    stopped = [f"{one.name}: 熔断 breaker open: {topic}" for one in seen for topic in one.breakers]
    versions = {one.reference for one in seen if one.reference}
    apart = [f"参考数据不一致 reference data differ: {', '.join(sorted(versions))}"] if len(versions) > 1 else []
    return [*failing, *stopped, *apart]


def _of_books(books: list[Books]) -> list[str]:
    found = []
    for one in books:
        if not one.holder:
            found.append(f"{one.service}: 无人持有发件租约 nobody holds the relay's lease")
        if one.oldest_seconds > LATE_SECONDS:
            found.append(f"{one.service}: 发件箱停滞 outbox stuck for {one.oldest_seconds:.0f} s")
        if one.parked:
            found.append(f"{one.service}: {one.parked} 行永远发不出 rows can never be sent")
    return found


def _of_groups(found: list[Group]) -> list[str]:
    return [f"{one.name}: 消费组无成员 group without members" for one in found if _is_services(one) and not one.members]


def _is_services(group: Group) -> bool:
    return group.name.endswith(".v1") and "." not in group.name.removesuffix(".v1")
