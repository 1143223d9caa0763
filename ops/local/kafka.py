"""One Kafka broker that is its own controller (KRaft), with SASL/SCRAM and ACLs as in production, on loopback."""

import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.local.process import Program
from ops.local.state import REPOSITORY, State, write_private
from ops.topics import connect, credentials
from shared.kafka.admin import SCRAM_ITERATIONS

SUPERUSER = "broker"
CONTROLLER = "controller"
PASSWORDS = (SUPERUSER, CONTROLLER)
PORTS = ("kafka", "kafka_controller")

_LOGGING = REPOSITORY / "deploy/local/log4j2.properties"
_JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable")
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SETTINGS = REPOSITORY / "deploy/local/kafka.properties"


class FormatFailed(RuntimeError):
    """Kafka would not format its folder; the text holds its words."""


class WrongCluster(RuntimeError):
    """Something else answers on our port."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where the broker of one state folder lives. `passwords` holds those of `PASSWORDS`, and users to make at first."""

    state: State
    java: Path
    ports: Mapping[str, int]
    passwords: Mapping[str, str]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def folder(self) -> Path:
        return self.state.data / "kafka"

    def login(self, user: str = SUPERUSER) -> dict[str, str]:
        """confluent-kafka settings of one user. Raises `KeyError` for one without password."""
        return credentials(self.bootstrap, user, self.passwords[user])

    def prepare(self) -> None:
        """Write the settings and, the first time, format the folder with the superuser in it (1 s).

        Raises `FormatFailed`.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = self.folder / "server.properties"
        write_private(settings, _SETTINGS.read_text() + "\n".join(self._own_settings()) + "\n")
        if not (self.folder / "log" / "meta.properties").exists():
            self._format(settings)

    def _format(self, settings: Path) -> None:
        scram = f"SCRAM-SHA-512=[name={SUPERUSER},password={self.passwords[SUPERUSER]},iterations={SCRAM_ITERATIONS}]"
        arguments = ("format", "--standalone", "-t", _cluster_id(), "-c", str(settings), "--add-scram", scram)
        command = self._java("kafka.tools.StorageTool", *arguments)
        file = self.folder / "format.args"  # a command line can be read by every process of the machine
        write_private(file, "\n".join(f'"{argument}"' for argument in command[1:]))
        try:
            subprocess.run([command[0], f"@{file}"], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise FormatFailed(f"Kafka did not format {self.folder}: {error.stdout}{error.stderr}") from error
        finally:
            file.unlink()

    def program(self) -> Program:
        """The broker as a process; `prepare` first."""
        return Program(
            "kafka",
            self._java("kafka.Kafka", str(self.folder / "server.properties")),
            log=self.state.logs / "kafka.log",
            cwd=self.folder,
            stop_seconds=20.0,
        )

    def check(self, seconds: float = 30.0) -> None:
        """Wait until the broker answers a login. Raises `ops.topics.BrokerAway`, `WrongCluster`."""
        found = connect(self.login(), seconds).cluster_id(timeout=10)
        if found != self.cluster_id():
            raise WrongCluster(f"{self.bootstrap} belongs to cluster {found}, ours is {self.cluster_id()}")

    def cluster_id(self) -> str:
        """As formatted."""
        text = (self.folder / "log" / "meta.properties").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)["cluster.id"]

    def _java(self, main: str, *arguments: str) -> tuple[str, ...]:
        logging = f"-Dlog4j2.configurationFile={_LOGGING}"
        return (str(self.java), *_JVM, logging, "-cp", f"{self.state.jars}/*", main, *arguments)

    def _own_settings(self) -> list[str]:
        """What depends on this folder: ports and passwords; all else is in deploy/local/kafka.properties."""
        clients, controllers = self.ports["kafka"], self.ports["kafka_controller"]
        broker, controller = self.passwords[SUPERUSER], self.passwords[CONTROLLER]
        scram = f'{_SCRAM} required username="{SUPERUSER}" password="{broker}";'
        plain = f'{_PLAIN} required username="{CONTROLLER}" password="{controller}" user_{CONTROLLER}="{controller}";'
        return [
            f"listeners=CLIENTS://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controllers}",
            f"advertised.listeners=CLIENTS://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controllers}",
            f"controller.quorum.bootstrap.servers=127.0.0.1:{controllers}",
            f"log.dirs={self.folder / 'log'}",
            f"super.users=User:{SUPERUSER};User:{CONTROLLER}",
            f"listener.name.clients.scram-sha-512.sasl.jaas.config={scram}",
            f"listener.name.controller.plain.sasl.jaas.config={plain}",
        ]


def _cluster_id() -> str:
    """16 bytes as Kafka writes them, 22 characters; never beginning with a dash, which would read as an option."""
    return f"q{secrets.token_urlsafe(16)[1:21]}A"
