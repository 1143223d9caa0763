"""What the routes of activities read, outside any transaction: never what is out of the caller's scope."""

from datetime import datetime
from typing import Protocol

from services.points.domain.activity import Activity
from services.points.domain.checkin import Checkin
from services.points.domain.gathering import Gathering
from services.points.domain.listing import Mark
from services.points.domain.member import Member
from services.points.domain.visit import Tally
from shared.scope import Scope


class ActivityViews(Protocol):
    """Recorded activities outside any transaction, each with its version; `after` is the last one of the page before."""

    async def activity(self, scope: Scope, squad: str | None, id_: str) -> tuple[Activity, int] | None:
        """One that the caller may see; `squad` is the one that he is captain of."""
        ...

    async def own(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """The caller's own, the newest first."""
        ...

    async def of_desk(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """Those of the desk's communities, the newest first."""
        ...

    async def waiting(self, scope: Scope, after: Mark | None, limit: int) -> list[tuple[Activity, int]]:
        """Those of them that nobody has decided about, the oldest first."""
        ...

    async def of_squad(
        self, scope: Scope, squad: str | None, after: Mark | None, limit: int
    ) -> list[tuple[Activity, int]]:
        """Those of a squad that nobody has decided about, the oldest first; none of no squad."""
        ...


class MemberViews(Protocol):
    """Accounts outside any transaction."""

    async def of_squads(self, scope: Scope, squads: list[str]) -> list[Member]:
        """The riders of these squads of the caller's sub-district who have not left."""
        ...


class GatheringViews(Protocol):
    """Meetings and trainings outside any transaction, each with its version."""

    async def gathering(self, scope: Scope, id_: str) -> tuple[Gathering, int] | None:
        """One of the desk's communities, or of the whole sub-district."""
        ...

    async def of_desk(self, scope: Scope, limit: int) -> list[tuple[Gathering, int]]:
        """All of those, the one that begins last first."""
        ...

    async def coming(
        self, scope: Scope, squad: str | None, since: datetime, limit: int
    ) -> list[tuple[Gathering, int, Checkin | None]]:
        """Those that the caller is welcome to and that end after `since`, the next one first, each with his check-in."""
        ...

    async def checkins(self, scope: Scope, gathering: str) -> list[Checkin]:
        """Who was there, in the order in which they came; the gathering was asked for with the scope before."""
        ...


class VisitViews(Protocol):
    """Visits outside any transaction."""

    async def tally(self, scope: Scope, campaign: str) -> list[Tally]:
        """What a campaign has come to in each micro-grid of the desk's; the campaign was asked for with the scope before."""
        ...
