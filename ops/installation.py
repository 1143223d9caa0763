"""What beside `ops.look.Access` is known of an installation: its processes, its broker's super user, its state folder."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ops.local import kafka, plan
from ops.local.state import state_folder
from ops.look import Access, CannotLook
from shared.mongo.client import Client, Database, connect
from shared.settings import KafkaSettings

RUNNING = "running.json"
APPLICATION = "qianshao-ops"


class ProcessSettings(BaseSettings):
    """Of an installation that is not embedded; beside `QIANSHAO_OPS_MONGO_URI` and `QIANSHAO_KAFKA_…` of user `ops`."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_OPS_", frozen=True, extra="ignore")

    processes: dict[str, str] = Field(default={}, description='JSON: {"intake api": "http://intake-api:8000", …}')
    superuser: str = Field(default=kafka.SUPERUSER, description="Kafka user who may see users and rights")
    superuser_password: SecretStr | None = Field(default=None, description="absent: users and rights are not compared")


@dataclass(frozen=True, slots=True)
class Installation:
    """`processes`: base URL by name, "intake api" say. `superuser` may see Kafka's users and rights, None: not told.

    `root` is the state folder of an embedded stack, else None.
    """

    access: Access = field(repr=False)
    processes: Mapping[str, str]
    superuser: KafkaSettings | None = field(default=None, repr=False)
    root: Path | None = None

    @classmethod
    def known(cls) -> "Installation":
        """The one that `QIANSHAO_OPS_MONGO_URI` names, else the embedded one. Asks nobody. Raises `CannotLook`."""
        if "QIANSHAO_OPS_MONGO_URI" not in os.environ:
            return cls.embedded(state_folder())
        access = Access.known()
        try:
            told = ProcessSettings()
        except ValidationError as error:
            wrong = "; ".join(f"{line['loc'][0]}: {line['msg']}" for line in error.errors(include_input=False))
            raise CannotLook(f"QIANSHAO_OPS_…: {wrong}") from None
        password = told.superuser_password
        login = {"username": told.superuser, "password": password}
        return cls(access, told.processes, access.kafka.model_copy(update=login) if password else None)

    @classmethod
    def embedded(cls, root: Path) -> "Installation":
        """What `./run` has written into a state folder. Raises `CannotLook`."""
        access = Access.local(root / RUNNING)
        ports: dict[str, int] = json.loads((root / RUNNING).read_text())["ports"]
        named = {f"{s} {e}": ports.get(plan.port_name(s, e)) for s in access.databases for e in plan.ENTRIES}
        processes = {name: f"http://127.0.0.1:{port}" for name, port in named.items() if port}
        password = SecretStr(json.loads((root / "passwords.json").read_text())[kafka.SUPERUSER])
        login = {"username": kafka.SUPERUSER, "password": password}
        return cls(access, processes, access.kafka.model_copy(update=login), root.resolve())

    @property
    def services(self) -> list[str]:
        return list(self.access.databases)


@asynccontextmanager
async def databases(installation: Installation) -> AsyncIterator[Mapping[str, Database]]:
    """Each service's database by its name; connects when first used, disconnects at the end."""
    places = installation.access.databases
    clients: dict[str, Client] = {uri: connect(uri, APPLICATION) for uri in {place.uri for place in places.values()}}
    try:
        yield {service: clients[place.uri][place.name] for service, place in places.items()}
    finally:
        for client in clients.values():
            client.close()
