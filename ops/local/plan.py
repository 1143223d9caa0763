"""Which process gets which environment. A child inherits nothing else of ours, so this table is all that it knows."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local import keys
from ops.local.mongo import Database
from ops.local.process import Program
from ops.local.state import REPOSITORY, State

API, WORKER = "api", "worker"
ENTRIES = (API, WORKER)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all service processes share."""

    state: State
    reference: Path
    bootstrap: str
    databases: Mapping[str, Database]
    passwords: Mapping[str, str]
    ports: Mapping[str, int]

    @property
    def origin(self) -> str:
        """Where people's devices find the front door."""
        return f"http://127.0.0.1:{self.ports.get('front', 8080)}"


def services(folder: Path = REPOSITORY / "services") -> list[str]:
    """The services that can be started: those with a `__main__`, so that a new one takes part by being there."""
    return sorted(file.parent.name for file in folder.glob("*/__main__.py"))


def port_name(service: str, entry: str) -> str:
    """The name under which a process' port is kept."""
    return f"{service}_{entry}"


def port_names(names: Iterable[str]) -> list[str]:
    """One port for each process of these services."""
    return [port_name(service, entry) for service in names for entry in ENTRIES]


def program(service: str, entry: str, around: Surroundings) -> Program:
    """One service process with exactly its own credentials."""
    return Program(
        f"{service} {entry}",
        (sys.executable, "-m", f"services.{service}", entry),
        log=around.state.logs / f"{service}-{entry}.log",
        env=environment(service, entry, around),
        cwd=REPOSITORY,
        stop_seconds=25.0,  # a service ends itself within 20 s: shared/runtime.py
    )


def environment(service: str, entry: str, around: Surroundings) -> dict[str, str]:
    """The variables of `shared/settings.py` and of the service's own settings."""
    folder = around.state.keys
    common = {
        "QIANSHAO_ENVIRONMENT": "development",
        "QIANSHAO_HTTP_PORT": str(around.ports[port_name(service, entry)]),
        "QIANSHAO_MONGO_URI": around.databases[service].uri,
        "QIANSHAO_MONGO_DATABASE": around.databases[service].name,
        "QIANSHAO_REFERENCE": str(around.reference),
        "QIANSHAO_JWKS": str(keys.jwks(folder, "access")),
        "QIANSHAO_FORGET_KEY": str(keys.forget_key(folder)),
        "PYTHONUNBUFFERED": "1",
    }
    kafka = {
        "QIANSHAO_KAFKA_BOOTSTRAP": around.bootstrap,
        "QIANSHAO_KAFKA_USERNAME": service,
        "QIANSHAO_KAFKA_PASSWORD": around.passwords[service],
        "QIANSHAO_KAFKA_SECURITY": "SASL_PLAINTEXT",
    }
    receipts = keys.jwks(folder, "receipt")
    own = {
        ("intake", API): {
            "QIANSHAO_RECEIPT_KEY": str(keys.private_key(folder, "receipt")),
            "QIANSHAO_RECEIPT_KEY_ID": keys.key_name("receipt"),
            "QIANSHAO_SESSION_KEY": str(keys.private_key(folder, "access")),
            "QIANSHAO_SESSION_KEY_ID": keys.key_name("access"),
            "QIANSHAO_SESSION_SECRET": str(keys.session_secret(folder)),
            "QIANSHAO_PUBLIC_ORIGIN": around.origin,
        },
        ("dispatch", API): {"QIANSHAO_RECEIPT_JWKS": str(receipts)},
        ("dispatch", WORKER): {"QIANSHAO_RECEIPT_JWKS": str(receipts)},
        ("notify", WORKER): {"QIANSHAO_PUBLIC_ORIGIN": around.origin},
    }
    return {**common, **(kafka if entry == WORKER else {}), **own.get((service, entry), {})}
