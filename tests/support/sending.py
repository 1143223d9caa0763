"""Delivery without a database and without waiting: a shelf in memory, a clock that tests move, robots with limits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from services.notify.domain.channel import LIMITS, Endpoint, Kind, Limits, Outcome, Parcel, Retry, Sent
from services.notify.domain.delivery import RANK, Delivery, Line, State
from services.notify.domain.telling import Urgency
from services.notify.sending import Sending
from shared.mongo.lease import Lease
from tests.support.memory import NOW


class Held:
    """A lease that nobody else wants."""

    def safe(self) -> bool:
        return True

    def due(self) -> bool:
        return False


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class MemoryShelf:
    """See `Shelf`."""

    kept: dict[str, Delivery] = field(default_factory=dict)
    known: dict[str, Line] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def add(self, *deliveries: Delivery) -> None:
        self.kept |= {one.id: one for one in deliveries}

    def _due(self, now: datetime) -> list[Delivery]:
        return [one for one in self.kept.values() if one.state is State.WAITING and one.due <= now]

    async def lines(self, now: datetime) -> list[str]:
        return sorted({one.line for one in self._due(now)})

    async def line(self, line: str) -> Line:
        return self.known.get(line, Line(line))

    async def waiting(self, line: str, now: datetime) -> list[Delivery]:
        mine = [one for one in self._due(now) if one.line == line]
        return sorted(mine, key=lambda one: (one.rank, one.due, one.id))

    async def begin(self, line: Line, deliveries: Sequence[Delivery], parcel: str) -> None:
        self.known[line.id] = line
        self.add(*(replace(one, state=State.SENDING, parcel=parcel) for one in deliveries))

    async def end(self, deliveries: Sequence[Delivery]) -> None:
        self.add(*deliveries)

    async def keep_line(self, line: Line) -> None:
        self.known[line.id] = line

    async def sending(self, limit: int) -> list[Delivery]:
        return [one for one in self.kept.values() if one.state is State.SENDING]

    async def finished(self, incidents: Sequence[str]) -> set[str]:
        return self.over & set(incidents)


@dataclass
class FakeRobots:
    """A channel that keeps what it got with the time, and turns away whoever passes the limit of one of its robots."""

    clock: Clock
    limits: Limits = LIMITS[Kind.WECOM]
    got: list[tuple[datetime, str, Parcel]] = field(default_factory=list)
    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    dead: frozenset[str] = frozenset()
    hanging: frozenset[str] = frozenset()
    turned_away: int = 0

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        if endpoint.id in self.hanging:
            await asyncio.Event().wait()
        if endpoint.id in self.dead:
            return Retry("unreachable")
        if self.answers.get(endpoint.id):
            return self.answers[endpoint.id].pop(0)
        now = self.clock()
        within = sum(1 for at, id_, _ in self.got if id_ == endpoint.id and now - at < timedelta(seconds=60))
        if self.limits.per_minute is not None and within >= self.limits.per_minute:
            self.turned_away += 1
            return Retry("too_many", 60.0)
        assert len(parcel.text.encode()) <= (self.limits.max_bytes or 10**6)
        self.got.append((now, endpoint.id, parcel))
        return Sent()


@dataclass
class Counted:
    """See `Tally`."""

    ends: list[str] = field(default_factory=list)

    def ended(self, delivery: Delivery) -> None:
        self.ends.append(delivery.state.value)

    def called(self, channel: Kind, outcome: str) -> None: ...
    def stands(self, line: str, *, resting: bool, full: bool) -> None: ...


@dataclass
class Doors:
    """See `Doors` of sending: every endpoint is a robot of its own."""

    limits: Limits = LIMITS[Kind.WECOM]
    gone: frozenset[str] = frozenset()

    async def endpoint(self, delivery: Delivery) -> Endpoint | None:
        if delivery.endpoint in self.gone:
            return None
        return Endpoint(delivery.endpoint, delivery.channel, "https://robot.example", limits=self.limits)


def delivery(number: int, robot: str = "r1", urgency: Urgency = Urgency.NORMAL, at: datetime = NOW) -> Delivery:
    """A message to a community's robot."""
    code = f"{number:04d}-TEST"
    return Delivery(
        id=f"m{number:04d}|community:1|{robot}",
        subdistrict="140302003",
        community="140302003001",
        message=f"m{number:04d}",
        audience="community:140302003001",
        endpoint=robot,
        line=robot,
        channel=Kind.WECOM,
        language="zh",
        urgency=urgency,
        rank=RANK[urgency],
        template="staff_new",
        incident=f"inc-{number}",
        public_code=code,
        title=f"新上报 {code}",
        text=f"北大街社区第三网格0012微网格，桃北西街北门旁：井盖缺失或损坏，编号 {code}。",
        next="请打开工作台处理。",
        link=f"/p/{code}",
        parts={},
        stored=at,
        due=at,
    )


@dataclass
class Post:
    """All of it together. `quiet_until` is what the nights are, None: it is day."""

    clock: Clock = field(default_factory=Clock)
    shelf: MemoryShelf = field(default_factory=MemoryShelf)
    tally: Counted = field(default_factory=Counted)
    doors: Doors = field(default_factory=Doors)
    quiet_until: datetime | None = None
    robots: FakeRobots = field(init=False)
    sending: Sending = field(init=False)

    def __post_init__(self) -> None:
        self.robots = FakeRobots(self.clock)
        self.restart()

    def restart(self) -> None:
        """A process that knows nothing but what was kept."""
        channels: Mapping[Kind, FakeRobots] = {Kind.WECOM: self.robots}
        self.sending = Sending(
            self.shelf,
            self.doors,
            channels,
            cast(Lease, Held()),
            self.clock,
            self.tally,
            lambda subdistrict, now: self.quiet_until,
            "https://front.example",
            lambda: 0.5,
        )

    async def run(self, seconds: int) -> None:
        """That much time goes by."""
        for _ in range(seconds):
            await self.sending.step()
            self.clock.on(1)

    def calls(self, robot: str = "r1") -> list[tuple[float, Parcel]]:
        """When, in seconds from the start, and what."""
        return [((at - NOW).total_seconds(), parcel) for at, id_, parcel in self.robots.got if id_ == robot]
