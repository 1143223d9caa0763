"""Paying and spending: passbook lines with hash chain and outbox against a bare double entry through the same kind of lane,
which keeps a balance and two legs and nothing else. Durable alike, equally many callers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from benchmarks.result import Result, rate
from services.points.domain.entry import Grounds, Kind
from services.points.domain.keys import activity_key, redemption_key
from services.points.domain.ledger import Insufficient
from services.points.domain.steps import award, reserve
from services.points.store import BOOKS, COLLECTIONS
from services.points.writing import post_refs, write
from shared.clock import system_clock
from shared.context import Context
from shared.ids import new_id
from shared.mongo.client import connect
from shared.mongo.indexes import Collection, prepare
from shared.mongo.lane import Lane
from shared.mongo.transactions import MongoTransactor
from shared.mongo.work import Command, Ref, Work
from tests.support.stack import Stack

CONNECTIONS = 32
RIDERS = 240
RIVALS = 8
"""Riders whose points are fought for."""

REQUESTS = 3_000
_SUBDISTRICT = "140302003"
_BARE = (Collection("balances"), Collection("legs"))

Make = Callable[[str, str], Command[Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as points writes it: an award, or points put aside for a prize."""

    about: str
    rider: str
    kind: Kind

    def reads(self) -> Iterable[Ref]:
        paying = self.kind is Kind.POST
        key = activity_key(self.about, self.rider) if paying else redemption_key(self.about, self.kind)
        return post_refs(BOOKS, self.rider, [key])

    def decide(self, work: Work) -> None:
        paying, now = self.kind is Kind.POST, datetime.now(UTC)
        step = award(self.rider, "help", 3, "approved", now) if paying else reserve(self.rider, 1, now)
        activity = "help" if paying else ""
        grounds = Grounds(_SUBDISTRICT, "", activity, "2026-1", "ref-1", self.about, "staff:s1", about=self.about)
        write(work, BOOKS, step, grounds, Context("staff:s1", self.about), new_id)


@dataclass(frozen=True, slots=True)
class Bare:
    """The least that is a double entry: a balance that is never negative, and both legs under a natural key."""

    about: str
    rider: str
    amount: int

    def reads(self) -> Iterable[Ref]:
        return [Ref("balances", self.rider), Ref("legs", self.about)]

    def decide(self, work: Work) -> None:
        if work.get("legs", self.about) is not None:
            return
        before = work.get("balances", self.rider) or {"_id": self.rider, "balance": 0}
        if before["balance"] + self.amount < 0:
            raise Insufficient("too few")
        work.put("balances", {**before, "balance": before["balance"] + self.amount})
        work.put("legs", {"_id": self.about, "debit": "issued", "credit": self.rider, "amount": self.amount})


async def measure(stack: Stack) -> list[Result]:
    """Awards a second over all riders; rival spends a second on a few."""
    async with _lane(stack, "bare", _BARE) as lane:
        bare_awards = await _load(lane, lambda about, rider: Bare(about, rider, 3), RIDERS)
        await _load(lane, lambda about, rider: Bare(about, rider, 3), RIVALS)
        bare_spends = await _load(lane, lambda about, rider: Bare(about, rider, -1), RIVALS)
    async with _lane(stack, "points", COLLECTIONS) as lane:
        awards = await _load(lane, lambda about, rider: Line(about, rider, Kind.POST), RIDERS)
        await _load(lane, lambda about, rider: Line(about, rider, Kind.POST), RIVALS)
        spends = await _load(lane, lambda about, rider: Line(about, rider, Kind.RESERVE), RIVALS)
    floor = "bare double entry, same lane"
    return [
        rate(f"awards, {RIDERS} riders, {CONNECTIONS} in parallel", awards, bare_awards, floor),
        rate(f"rival spends, {RIVALS} riders, {CONNECTIONS} in parallel", spends, bare_spends, floor),
    ]


@asynccontextmanager
async def _lane(stack: Stack, name: str, collections: Iterable[Collection]) -> AsyncIterator[Lane]:
    made = await stack.mongo.new_database(name)
    client = connect(made.uri, "bench")
    database = client[made.name]
    await prepare(database, collections)
    lane = Lane(MongoTransactor(client, database, system_clock))
    running = asyncio.create_task(lane.run())
    try:
        yield lane
    finally:
        running.cancel()
        client.close()


async def _load(lane: Lane, make: Make, riders: int) -> float:
    """Commands a second; none is refused."""
    numbers = count()
    await _calls(lane, make, riders, numbers, 200)  # warm up
    started = time.perf_counter()
    done = await _calls(lane, make, riders, numbers, REQUESTS)
    return done / (time.perf_counter() - started)


async def _calls(lane: Lane, make: Make, riders: int, numbers: Iterator[int], requests: int) -> int:
    each = requests // CONNECTIONS

    async def caller() -> None:
        for _ in range(each):
            await lane.submit(make(new_id(), f"rider-{next(numbers) % riders}"), seconds=60)

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return each * CONNECTIONS
