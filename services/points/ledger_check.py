"""Every night all passbooks are compared with their entries, by the one worker that holds the lease `ledger`."""

import asyncio
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from services.points.auditing import Moving, audit
from services.points.ledger_metrics import LedgerMetrics
from shared.clock import Clock
from shared.mongo.client import Database, DatabaseError
from shared.mongo.lease import Lease

log = structlog.get_logger(__name__)

NIGHT = time(2, 30)
"""When, at the place."""

_RENEW_SECONDS = 3.0
_SHOWN = 20


def next_after(moment: datetime, zone: ZoneInfo) -> datetime:
    """The first such time of night after `moment`."""
    local = moment.astimezone(zone)
    tonight = datetime.combine(local.date(), NIGHT, zone)
    return tonight if tonight > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, zone)


class LedgerCheck:
    """`look()` compares once; `run()` does it when it gets the lease, and then every night."""

    def __init__(self, database: Database, lease: Lease, metrics: LedgerMetrics, clock: Clock, zone: ZoneInfo) -> None:
        self._database = database
        self._lease = lease
        self._metrics = metrics
        self._clock = clock
        self._zone = zone
        self._due: datetime | None = None

    async def run(self) -> None:
        """Until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self._turn()
            except (DatabaseError, Moving) as error:
                log.info("the comparison of passbooks waits", error=repr(error)[:200])
            await asyncio.sleep(_RENEW_SECONDS)

    async def _turn(self) -> None:
        if not await self._mine():
            self._due = None
            self._metrics.clear()
        elif self._due is None or self._clock() >= self._due:
            await self.look()

    async def look(self) -> None:
        """Compare everything now, and say what is wrong."""
        found = await audit(self._database, {}, self._mine)
        if found is None:
            return
        now = self._clock()
        self._due = next_after(now, self._zone)
        self._metrics.show(found, now)
        for fault in found.faults[:_SHOWN]:
            log.error("a passbook differs", account=fault.account, entry=fault.entry, reason=fault.reason)
        log.info("passbooks compared", passbooks=found.passbooks, entries=found.entries, differing=found.differing)

    async def _mine(self) -> bool:
        if self._lease.due():
            await self._lease.try_hold()
        return self._lease.safe()
