"""A process that pays: `python -m tests.support.awarding_child <uri> <database> <awards> <seed>`.

It hears every award three times in random order, as many at once as a lane takes, and says how far it is. It is there to be
killed.
"""

import asyncio
import random
import sys
from datetime import timedelta

from services.points.store import COLLECTIONS
from shared.clock import system_clock
from shared.contracts.envelope import Message
from shared.mongo.client import connect
from shared.mongo.indexes import prepare
from shared.mongo.transactions import MongoTransactor
from tests.support.lanes import running
from tests.support.pointing import NINE, Points, message, reported, resolved

RIDERS = 240
_AT_ONCE = 100


def award(number: int) -> Message:
    """The resolution of one incident, which pays its only reporter 5 points."""
    name, at = f"i{number}", NINE + timedelta(minutes=number)
    return message(resolved(reported(f"rider-{number % RIDERS}", name, at), incident=name), 1)


async def pay(uri: str, name: str, awards: int, seed: int) -> None:
    """Everything three times."""
    client = connect(uri, "test")
    database = client[name]
    await prepare(database, COLLECTIONS)
    numbers = [*range(awards)] * 3
    random.Random(seed).shuffle(numbers)
    async with running(MongoTransactor(client, database, system_clock)) as lane:
        points = Points(lane)
        for start in range(0, len(numbers), _AT_ONCE):
            await asyncio.gather(*(points.deliver(award(number)) for number in numbers[start : start + _AT_ONCE]))
            sys.stdout.write(f"{start + _AT_ONCE}\n")
            sys.stdout.flush()
    client.close()


if __name__ == "__main__":
    asyncio.run(pay(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
