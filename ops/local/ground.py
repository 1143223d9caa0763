"""What is decided before anything starts: programs, ports, passwords, reference data, the wanted topics."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local import caddy, jars, kafka, mongo, plan, toolchain
from ops.local.mongo import Database
from ops.local.state import State
from shared.contracts.topics import all_topics
from shared.kafka.admin import Wanted
from shared.reference.load import load


@dataclass(frozen=True, slots=True)
class Ground:
    """All that the processes of one run are made from."""

    state: State
    reference: Path
    subdistrict: str
    services: tuple[str, ...]
    ports: Mapping[str, int]
    passwords: Mapping[str, str]
    wanted: Wanted
    kafka: kafka.Kafka
    mongo: mongo.Mongo
    caddy: Path

    @classmethod
    def lay(cls, state: State, reference: Path) -> "Ground":
        """Fetch what is missing and choose what was not chosen before.

        Raises `JarsRefused`, `ToolMissing`, `shared.reference.files.ReferenceInvalid`.
        """
        jars.ensure_listed(state.jars)
        tools = toolchain.find(state.root / "lib")
        data = load(reference)
        services = tuple(plan.services())
        wanted = Wanted.of(all_topics(data.departments), replication=1, min_insync=1)
        ports = state.ports([*kafka.PORTS, *mongo.PORTS, *caddy.PORTS, *plan.port_names(services)])
        users = [*kafka.PASSWORDS, *wanted.users, *mongo.PASSWORDS, *map(mongo_user, services)]
        passwords = state.passwords(users)
        return cls(
            state=state,
            reference=reference,
            subdistrict=min(data.subdistricts),
            services=services,
            ports=ports,
            passwords=passwords,
            wanted=wanted,
            kafka=kafka.Kafka(state, tools.java, ports, passwords),
            mongo=mongo.Mongo(state, tools.mongod, tools.mongod_libraries, ports, passwords),
            caddy=tools.caddy,
        )

    def surroundings(self, databases: Mapping[str, Database]) -> plan.Surroundings:
        """What service processes are told."""
        return plan.Surroundings(
            self.state, self.reference, self.kafka.bootstrap, databases, self.passwords, self.ports
        )

    def api_ports(self) -> dict[str, int]:
        """Where the front door finds each service."""
        return {service: self.ports[plan.port_name(service, plan.API)] for service in self.services}


def mongo_user(service: str) -> str:
    """Under this name the password of a service's database user is kept: the bare name is its Kafka user's."""
    return f"mongo.{service}"
