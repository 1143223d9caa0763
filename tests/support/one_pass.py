"""A process of its own that does one pass of dispatch's timers, for tests that kill it: `python -m tests.support.one_pass`.

The database comes in `ONE_PASS_URI` and `ONE_PASS_DATABASE`; where it dies is said by `QIANSHAO_CRASH_AT`.
"""

import asyncio
import os

from services.dispatch.domain.clocks import Limit, Priority, Unit
from services.dispatch.store import INCIDENTS
from services.dispatch.ticking import Tick
from shared.clock import system_clock
from shared.errors import Unavailable
from shared.mongo.client import connect
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.timers import Timer, Timers
from shared.mongo.transactions import MongoTransactor
from tests.support.dispatching import StubRules

LIMIT = Limit(4, Unit.URGENT_HOURS)
RULES = StubRules(priority=Priority.U, limit=LIMIT)


_TRIES = 20
"""Of about eight seconds each: MongoDB keeps the transaction of a process that was killed for up to a minute."""


async def passed(timers: Timers, lease: Lease) -> None:
    """One whole pass, begun again for as long as a dead process's transaction is in the way."""
    for attempt in range(_TRIES):
        try:
            await lease.try_hold()
            await timers.step()
            return
        except Unavailable:
            if attempt + 1 == _TRIES:
                raise


async def main() -> None:
    """Hold the lease, wake all that is due, give the lease back."""
    client = connect(os.environ["ONE_PASS_URI"], "one-pass")
    database = client[os.environ["ONE_PASS_DATABASE"]]
    lane = Lane(MongoTransactor(client, database, system_clock))
    running = asyncio.create_task(lane.run())
    lease = Lease(database, "timers", "one-pass")
    assert await lease.try_hold()
    timer = Timer("incidents", lambda id_: Tick(INCIDENTS, RULES, id_, f"tick-{id_}"))
    await passed(Timers(database, lane, lease, [timer]), lease)
    await lease.release()
    running.cancel()
    client.close()


if __name__ == "__main__":
    asyncio.run(main())
