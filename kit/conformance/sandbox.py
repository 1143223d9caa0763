"""Where the play is given: a broker with a department's topics and rights, our own embedded one or one that runs."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from ops.local import jars, kafka, toolchain
from ops.local.brokers import kafka_ready
from ops.local.process import Process
from ops.local.state import State, state_folder
from ops.topics import connect, reconcile, warm_up
from shared.contracts.topics import DEPARTMENT, all_topics
from shared.kafka.admin import Wanted
from shared.settings import KafkaSettings

DEPARTMENT_CODE = "sandbox"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`passwords` by user: that of the department, and that of `dispatch`, whose part the suite plays."""

    bootstrap: str
    department: str
    passwords: dict[str, str]
    security: str = "SASL_PLAINTEXT"

    @property
    def user(self) -> str:
        """The department's login."""
        return DEPARTMENT + self.department

    def settings(self, user: str) -> KafkaSettings:
        """For our own clients."""
        values = {"bootstrap": self.bootstrap, "username": user, "password": self.passwords[user]}
        return KafkaSettings.model_validate({**values, "security": self.security})

    def environment(self) -> dict[str, str]:
        """What the department's subscriber is told, as in its client file (`qianshao departments add`)."""
        return {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "KAFKA_USERNAME": self.user,
            "KAFKA_PASSWORD": self.passwords[self.user],
            "KAFKA_SECURITY": self.security,
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_READ_TOPIC": f"dispatch.{self.department}",
            "KAFKA_WRITE_TOPIC": f"department-updates.{self.department}",
            "KAFKA_GROUP": f"{self.user}.subscriber",
        }


def running(bootstrap: str, department: str, passwords: Path, security: str) -> Sandbox:
    """One that runs already. Raises `OSError` or `ValueError` for a file that is no JSON of passwords by user."""
    return Sandbox(bootstrap, department, dict(json.loads(passwords.read_text())), security)


@asynccontextmanager
async def embedded() -> AsyncIterator[Sandbox]:
    """A broker of its own with SASL/SCRAM and ACLs as in production, on loopback, until the block ends."""
    root = Path(mkdtemp(prefix="qianshao-sandbox-"))
    try:
        state = State.at(root, State.at(state_folder()).jars)
        await asyncio.to_thread(jars.ensure_listed, state.jars)
        passwords = state.passwords(kafka.PASSWORDS)
        broker = kafka.Kafka(state, toolchain.find(root / "lib").java, state.ports(kafka.PORTS), passwords)
        await asyncio.to_thread(broker.prepare)
        process = Process(broker.program())
        await process.start()
        try:
            await kafka_ready(process, broker)
            known = await asyncio.to_thread(_declare, broker, state)
            yield Sandbox(broker.bootstrap, DEPARTMENT_CODE, known)
        finally:
            await process.kill()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _declare(broker: kafka.Kafka, state: State) -> dict[str, str]:
    wanted = Wanted.of(all_topics([DEPARTMENT_CODE]), replication=1, min_insync=1)
    passwords = dict(state.passwords(wanted.users))
    admin = connect(broker.login())
    reconcile(admin, wanted, passwords)
    warm_up(admin)
    return passwords
