"""Start Kafka and mongod and wait until they are what the services expect. `./run` and the tests come through here."""

import asyncio

from ops.local.kafka import Kafka
from ops.local.mongo import Mongo
from ops.local.process import Process
from ops.local.supervisor import listens, until_ready

_SECONDS = 60.0


async def start_kafka(process: Process, kafka: Kafka) -> None:
    """Returns once the broker answers a login and is ours; call `kafka.prepare` first.

    Raises `NotReady`, `BrokerAway`, `WrongCluster`.
    """
    await process.start()
    await until_ready(process, listens(kafka.ports["kafka"]), _SECONDS)
    await asyncio.to_thread(kafka.check, _SECONDS)


async def start_mongo(process: Process, mongo: Mongo) -> None:
    """Returns once mongod is the primary of its set, at its present port. Raises `NotReady`, `MongoAway`."""
    if mongo.moved():
        await _rename(mongo)
    await process.start()
    await until_ready(process, listens(mongo.ports["mongo"]), _SECONDS)
    await asyncio.to_thread(mongo.settle, _SECONDS)


async def _rename(mongo: Mongo) -> None:
    alone = Process(mongo.standalone())
    await alone.start()
    try:
        await until_ready(alone, listens(mongo.ports["mongo"]), _SECONDS)
        await asyncio.to_thread(mongo.rename)
    finally:
        await alone.stop()
