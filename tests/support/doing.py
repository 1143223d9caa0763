"""Activities, meetings and visits for tests, over any lane."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.points.activities import DecideActivity, Desk, RecordActivity, Sight
from services.points.activity_store import ACTIVITIES
from services.points.checkins import CheckIn, Hall, Tick
from services.points.domain import checkin
from services.points.domain.activity import Act, Activity
from services.points.domain.checkin import Checkin, Token
from services.points.domain.gathering import Agenda, Gathering
from services.points.domain.member import Member
from services.points.gathering_store import CHECKINS, GATHERINGS
from services.points.gatherings import HoldGathering
from services.points.member_store import MEMBERS
from services.points.members import FollowMember
from services.points.paying import Teller
from services.points.store import BOOKS, CAMPAIGNS
from services.points.visit_store import VISITS
from services.points.visiting import Rounds
from shared.context import Context
from shared.ids import new_id
from shared.mongo.lane import Lane
from shared.scope import Scope
from tests.support.memory import NOW, MemoryTransactor
from tests.support.pointing import BEIDAJIE, Ledger, StubRules

HERE = "140302003005"
MICRO = "14030200300500502"
SECRET = "5e" * 32
STAFF = Scope("s1", "staff:s1", BEIDAJIE, desk=True, communities=(HERE,))
LEAD = Scope("l1", "lead:l1", BEIDAJIE, desk=True)
NEIGHBOUR = Scope("s3", "staff:s3", BEIDAJIE, desk=True, communities=("140302003006",))
ELSEWHERE = Scope("s4", "staff:s4", "140302004", desk=True)


def rider(id_: str = "anna") -> Scope:
    return Scope(id_, f"rider:{id_}", BEIDAJIE)


def activity(id_: str = "a1", who: str = "anna", kind: str = "help", **changes: Any) -> Activity:
    """What somebody wants recorded, an hour after he did it."""
    at = NOW - timedelta(hours=1)
    usual: dict[str, Any] = {"grid": MICRO, "community": HERE, "squad": "squad-1", "text": "帮王阿姨搬米"}
    fields = {"captured_at": at, "received_at": NOW, "at": NOW, **usual, **changes}
    return Activity(id_, "f", BEIDAJIE, who, kind, **fields)


def agenda(**changes: Any) -> Agenda:
    """A training of `HERE` that goes on at `NOW`."""
    usual: dict[str, Any] = {
        "kind": "training",
        "title": "冬季安全培训",
        "place": "社区活动室",
        "community": HERE,
        "opens_at": NOW - timedelta(minutes=30),
        "starts_at": NOW - timedelta(minutes=10),
        "ends_at": NOW + timedelta(hours=2),
    }
    return Agenda(**{**usual, **changes})


def gathering(**changes: Any) -> Gathering:
    """The training as it is stored."""
    return Gathering("e1", BEIDAJIE, "f", SECRET, agenda(**changes), NOW - timedelta(days=3))


def shown(at: datetime = NOW, of: Gathering | None = None) -> Token:
    """What a phone reads off the screen at that moment."""
    return checkin.read(checkin.token(of or gathering(), checkin.step_of(at)))


@dataclass
class Doing:
    """The commands over a lane. `rules` may be changed by a test between them."""

    lane: Lane
    rules: StubRules = field(default_factory=StubRules, kw_only=True)

    @property
    def teller(self) -> Teller:
        return Teller(BOOKS, self.rules, new_id)

    @property
    def desk(self) -> Desk:
        return Desk(ACTIVITIES, MEMBERS, self.teller)

    @property
    def hall(self) -> Hall:
        return Hall(GATHERINGS, CHECKINS, MEMBERS, self.teller)

    @property
    def rounds(self) -> Rounds:
        return Rounds(CAMPAIGNS, VISITS, self.teller)

    async def member(self, id_: str = "anna", **changes: Any) -> None:
        """An account that points has heard of."""
        usual: dict[str, Any] = {"role": "rider", "status": "active", "squad": "squad-1", "community": HERE}
        await self.lane.submit(FollowMember(MEMBERS, Member(id_, 1, BEIDAJIE, **{**usual, **changes})))

    async def record(self, id_: str = "a1", who: str = "anna", kind: str = "help", **changes: Any) -> Activity:
        wish = replace(activity(id_, who, kind), **changes)
        stored, _, _ = await self.lane.submit(RecordActivity(self.desk, wish, Context(f"rider:{who}", "c1")))
        return stored

    async def decide(
        self,
        act: Act,
        by: Scope = STAFF,
        expected: int = 1,
        id_: str = "a1",
        squad: str | None = None,
        reason: str | None = None,
    ) -> Activity:
        command = DecideActivity(self.desk, id_, expected, act, Sight(by, squad), Context(by.actor, "c2"), reason)
        decided, _ = await self.lane.submit(command, seconds=30)
        return decided

    async def hold(self, scope: Scope = STAFF, id_: str = "e1", **changes: Any) -> Gathering:
        command = HoldGathering(GATHERINGS, id_, "f", agenda(**changes), SECRET, scope)
        made, _ = await self.lane.submit(command)
        return made

    async def scan(
        self, who: str = "anna", token: Token | None = None, at: datetime = NOW, scanned_at: datetime | None = None
    ) -> tuple[Checkin, bool]:
        scope = rider(who)
        command = CheckIn(self.hall, token or shown(at), scope, at, scanned_at, Context(scope.actor, "c3"))
        there, _, already = await self.lane.submit(command, seconds=30)
        return there, already

    async def tick(self, *riders: str, by: Scope = STAFF) -> list[tuple[Checkin, bool]]:
        return await self.lane.submit(Tick(self.hall, "e1", riders, by, Context(by.actor, "c4")), seconds=30)


@dataclass
class InMemory(Doing):
    """The same over a dictionary, whose clock stands at `store.now`."""

    store: MemoryTransactor

    @property
    def ledger(self) -> Ledger:
        return Ledger.of(self.store)


def second_over(points: int) -> StubRules:
    """The usual rules where more than `points` need two approvers."""
    usual = StubRules()
    return StubRules(replace(usual.tariff, alone_up_to=points))


def activity_wish(**changes: Any) -> dict[str, Any]:
    """The body of the request that records one."""
    usual: dict[str, Any] = {
        "client_key": "phone-0001",
        "kind": "help",
        "captured_at": "2026-11-25T15:00:00+08:00",
        "grid": MICRO,
        "text": "帮人搬家",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def gathering_wish(**changes: Any) -> dict[str, Any]:
    """The body of the request that announces a training."""
    usual: dict[str, Any] = {
        "client_key": "desk-0001",
        "kind": "training",
        "title": "冬季安全培训",
        "place": "社区活动室",
        "community": HERE,
        "starts_at": "2026-11-26T09:00:00+08:00",
        "ends_at": "2026-11-26T11:00:00+08:00",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}
