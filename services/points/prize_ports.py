"""What homes, prizes and redemptions need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from services.points.domain.benefit import Benefit
from services.points.domain.budget import Budget, BudgetLine
from services.points.domain.redemption import Redemption, State
from services.points.domain.shelf import Home, Prize, Words
from services.points.domain.statement import Earned, HomeMonth, MonthReport, Statement
from services.points.domain.stock import Movement, Stock
from services.points.domain.taking import Code, Guesses, Taken
from services.points.ports import Kept
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is kept of homes and prizes. Redemptions, stocks and budgets are roots; movements and lines are
    never changed; `taken` are the counters of limits, `codes` bind a code to its home, `guesses` count wrong ones."""

    stocks: Kept[Stock]
    movements: Kept[Movement]
    budgets: Kept[Budget]
    budget_lines: Kept[BudgetLine]
    redemptions: Kept[Redemption]
    taken: Kept[Taken]
    codes: Kept[Code]
    guesses: Kept[Guesses]


class Rider(Protocol):
    """What is known of an account: see the contract `account-changed`."""

    @property
    def subdistrict(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def squad(self) -> str | None: ...
    @property
    def community(self) -> str | None: ...


class Members(Protocol):
    """The accounts, in the working set of a transaction."""

    def ref(self, id_: str) -> Ref: ...
    def get(self, work: Work, id_: str) -> Rider | None: ...


class Shelf(Protocol):
    """Reference data."""

    @property
    def version(self) -> str:
        """sha256 of the reference data that decides here."""
        ...

    @property
    def rule_version(self) -> str:
        """The version of the points rules."""
        ...

    def homes(self, subdistrict: str) -> Sequence[Home]:
        """By code."""
        ...

    def home(self, subdistrict: str, code: str) -> Home:
        """Raises `NotFound`."""
        ...

    def prizes(self, home: str) -> Sequence[Prize]:
        """What this home has, the cheapest first."""
        ...

    def prize(self, home: str, code: str) -> Prize:
        """Raises `Invalid` naming the field `prize`."""
        ...

    def home_name(self, code: str) -> Words:
        """The code itself if it is not in the reference data any more."""
        ...

    def prize_name(self, code: str) -> Words:
        """The code itself if it is not in the reference data any more."""
        ...

    def zone(self, subdistrict: str) -> ZoneInfo: ...


@dataclass(frozen=True, slots=True)
class Liability:
    """What a home may be asked for, in points. `balances`: of the riders of its community; `reserved`: held for pick-up.
    `awarded`: paid to those riders in each of the last three whole months, the oldest first."""

    balances: int
    reserved: int
    awarded: tuple[int, int, int]

    @property
    def open(self) -> int:
        return self.balances + self.reserved

    @property
    def forecast(self) -> int:
        """Points a month to expect, rounded up."""
        return -(-sum(self.awarded) // len(self.awarded))


class PrizeViews(Protocol):
    """What people look at, outside any transaction: never what is out of the caller's scope."""

    async def stocks(self, scope: Scope, homes: Sequence[str]) -> Mapping[str, Stock]:
        """By `stock_id`; what nothing has happened to yet is not in it. Pieces are no secret within a sub-district."""
        ...

    async def movements(self, scope: Scope, stock: str, after: int, limit: int) -> Sequence[Movement]:
        """With a number above `after`, the oldest first."""
        ...

    async def budget(self, scope: Scope, id_: str) -> Budget | None: ...

    async def budget_lines(self, scope: Scope, home: str, after: str, limit: int) -> Sequence[BudgetLine]:
        """Of all periods, by id."""
        ...

    async def liability(self, scope: Scope, home: Home, months: Sequence[tuple[datetime, datetime]]) -> Liability: ...

    async def redemption(self, scope: Scope, id_: str) -> Redemption | None:
        """A rider's own, or one at a home of the desk."""
        ...

    async def redemptions(
        self, scope: Scope, state: State | None, home: str | None, before: datetime | None, limit: int
    ) -> Sequence[Redemption]:
        """The same, the latest first, reserved before `before`."""
        ...

    async def of_code(self, scope: Scope, home: str, code: str) -> str | None:
        """Whose redemption a code is, for the desk of that home."""
        ...


class BenefitViews(Protocol):
    """The register of benefits: a rider's own, or those of the desk's communities."""

    async def benefits(
        self, scope: Scope, since: datetime | None, until: datetime | None, limit: int
    ) -> Sequence[Benefit]:
        """The latest first, given within [since, until)."""
        ...


class PaperViews(Protocol):
    """What statements and reports are made of: [since, until) in each."""

    async def statement(
        self, scope: Scope, rider: str, month: str, since: datetime, until: datetime
    ) -> Statement | None:
        """One's own, empty where nothing was ever written; a desk's are those of its sub-district, else None."""
        ...

    async def home_month(self, scope: Scope, home: Home, month: str, since: datetime, until: datetime) -> HomeMonth: ...

    async def report(self, scope: Scope, month: str, since: datetime, until: datetime) -> MonthReport:
        """Sums of the whole sub-district."""
        ...

    async def by_activity(self, scope: Scope, rider: str, since: datetime, until: datetime) -> Sequence[Earned] | None:
        """What a rider was awarded for what he did then; None as in `statement`."""
        ...

    async def by_rider(self, scope: Scope, since: datetime, until: datetime) -> Sequence[Earned]:
        """What the riders of the desk's communities were awarded, by rider."""
        ...

    async def of_squad(self, scope: Scope, since: datetime, until: datetime) -> Sequence[Earned]:
        """The same of the rider's own squad."""
        ...
