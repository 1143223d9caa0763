"""What a service's worker does besides consuming and publishing: jobs of its own, handed to `shared.worker.run_worker`."""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from shared.mongo.client import Database
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class Job:
    """`run` until cancelled, from when the database is prepared. With a lease it must act only while that is safe; the lease
    is given back when the process ends. `close` is called then, too."""

    name: str
    run: Callable[[], Coroutine[Any, Any, None]]
    lease: Lease | None = None
    close: Callable[[], Coroutine[Any, Any, None]] | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What jobs are made of. `lease(name)` makes one under this process's name; metrics go to `registry`."""

    database: Database
    lane: Lane
    registry: CollectorRegistry
    kafka: KafkaSettings
    lease: Callable[[str], Lease]


Jobs = Callable[[Beside], Iterable[Job]]


def no_jobs(beside: Beside) -> Iterable[Job]:
    """Most services have none."""
    return ()
