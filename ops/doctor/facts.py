"""What `qianshao doctor` looks at, gathered at once before anything is judged."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from ops import groups, processes, topics
from ops.doctor import machine, stores
from ops.groups import Bus
from ops.installation import Installation
from ops.look import CannotLook
from ops.processes import Seen
from shared.clock import Clock
from shared.contracts.topics import all_topics
from shared.kafka.admin import Diff, Wanted, plan
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.web.auth import read_jwks

BROKER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Facts:
    """A text in place of facts says why they are missing; None: not told where to look, or not ours to look at."""

    embedded: bool
    logs: str
    services: tuple[str, ...]
    reference: Reference | str
    seen: list[Seen]
    stores: list[stores.Store]
    bus: Bus | str
    rights: Diff | str | None
    machine: list[machine.Fault] | None
    keys: str | None
    """Why the keys that access tokens may be signed with are refused, "" if they are not."""


async def gather(installation: Installation, reference: Path, clock: Clock, replication: int) -> Facts:
    """Ask everything; never raises for what is away. `replication`: replicas that topics of this installation have."""
    known, root = _reference(reference), installation.root
    seen, opened, bus, rights, faults = await asyncio.gather(
        processes.ask_all(installation.processes, clock),
        stores.read_all(installation, clock),
        _bus(installation),
        asyncio.to_thread(_rights, installation, known, replication),
        asyncio.to_thread(machine.faults, root) if root else _nothing(),
    )
    return Facts(
        embedded=root is not None,
        logs=str(root / "logs") if root else "docker compose logs <service>-<api|worker>",
        services=tuple(installation.services),
        reference=known,
        seen=seen,
        stores=opened,
        bus=bus,
        rights=rights,
        machine=faults,
        keys=None if root else _keys(),
    )


async def _nothing() -> None:
    return None


def _reference(folder: Path) -> Reference | str:
    try:
        return load(folder)
    except (ReferenceInvalid, OSError) as error:
        return f"{folder}: {error}"


async def _bus(installation: Installation) -> Bus | str:
    try:
        return await groups.read(installation.access.kafka)
    except CannotLook as error:
        return str(error)


def _rights(installation: Installation, reference: Reference | str, replication: int) -> Diff | str | None:
    if installation.superuser is None:
        return None
    if isinstance(reference, str):
        return reference
    wanted = Wanted.of(all_topics(reference.departments), replication, max(1, replication - 1))
    try:
        return plan(topics.read(topics.connect(groups.login(installation.superuser), BROKER_SECONDS)), wanted)
    except (topics.BrokerAway, KafkaException, TimeoutError) as error:
        return str(error)


def _keys() -> str | None:
    if "QIANSHAO_JWKS" not in os.environ:
        return None
    try:
        read_jwks(Path(os.environ["QIANSHAO_JWKS"]), "production")
    except ValueError as error:
        return str(error)
    return ""
