"""Wait until Kafka and mongod are what the services expect. `./run` and the tests come through here."""

import asyncio

from ops.local.kafka import Kafka
from ops.local.mongo import Mongo
from ops.local.process import Process
from ops.local.supervisor import listens, until_ready

_SECONDS = 60.0


async def kafka_ready(process: Process, kafka: Kafka) -> None:
    """Returns once the broker answers a login and is ours. Raises `NotReady`, `BrokerAway`, `WrongCluster`."""
    await until_ready(process, listens(kafka.ports["kafka"]), _SECONDS)
    await asyncio.to_thread(kafka.check, _SECONDS)


async def mongo_ready(process: Process, mongo: Mongo) -> None:
    """Returns once mongod is the primary of its set. Raises `NotReady`, `MongoAway`."""
    await until_ready(process, listens(mongo.ports["mongo"]), _SECONDS)
    await asyncio.to_thread(mongo.settle, _SECONDS)


async def follow_port(mongo: Mongo) -> None:
    """Call before starting mongod: if its port had to change, tell its replica set (1 s). Raises as `mongo_ready`."""
    if not mongo.moved():
        return
    alone = Process(mongo.standalone())
    await alone.start()
    try:
        await until_ready(alone, listens(mongo.ports["mongo"]), _SECONDS)
        await asyncio.to_thread(mongo.rename)
    finally:
        await alone.stop()
