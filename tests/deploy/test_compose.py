"""docker-compose.yml is what the code expects: each process has its settings, its own credentials and nobody else's.

compose-go, Docker's own reader, judges it where Go is there; our checks of the same file run everywhere.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from ops.local import jars, plan, toolchain
from ops.local.process import Process, Program
from ops.local.state import REPOSITORY, State, state_folder
from ops.local.supervisor import listens, until_ready
from ops.topics import BrokerAway, connect, credentials
from services.intake.receipts import ReceiptSigner
from services.intake.tokens import SessionTokens
from shared.runtime import STOP_SECONDS
from shared.settings import KafkaSettings, Settings
from shared.web.auth import read_jwks

TEXT = (REPOSITORY / "docker-compose.yml").read_text()
EXAMPLE = dict(re.findall(r"^([A-Z_]+)=(.*)$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")
REQUIRED = {found["name"] for found in _VARIABLE.finditer(TEXT) if found["kind"] == "?"}
VALUES = {name: EXAMPLE.get(name) or f"value-of-{name}" for name in REQUIRED}
SERVICES = plan.services()
PROCESSES = [(service, entry) for service in SERVICES for entry in plan.ENTRIES]
COMPOSE_GO = "v2.16.2"
# compose-go's own command forgets to hand the environment on, so that every variable is missing.
_READER = """package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithResolvedPaths(false))
	if err == nil {
		_, err = options.LoadProject(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
"""


def interpolated(values: Mapping[str, str]) -> Any:
    """The file as compose reads it. Raises `KeyError` for a required variable without value."""

    def value(found: "re.Match[str]") -> str:
        given = values.get(found["name"])
        if not given and found["kind"] == "?":
            raise KeyError(found["name"])
        return given or found["rest"] or ""

    return yaml.safe_load(_VARIABLE.sub(value, TEXT).replace("$$", "$"))


COMPOSE = interpolated(VALUES)["services"]


def settings_classes(service: str, entry: str) -> list[type[BaseSettings]]:
    """What the process reads: its own settings where it has any beside the service's, and Kafka's in a worker."""
    module = importlib.import_module(f"services.{service}.settings")
    names = (f"{service}{entry}Settings".lower(), f"{service}Settings".lower())
    found = {name.lower(): value for name, value in vars(module).items() if isinstance(value, type)}
    own = next((found[name] for name in names if name in found), Settings)
    return [own, KafkaSettings] if entry == plan.WORKER else [own]


def variables(classes: list[type[BaseSettings]], *, required: bool = False) -> set[str]:
    """Names of the environment variables these classes read; with `required` only those that have no default."""
    return {
        f"{cls.model_config['env_prefix']}{name}".upper()
        for cls in classes
        for name, field in cls.model_fields.items()
        if field.is_required() or not required
    }


def _process(service: str, entry: str) -> dict[str, Any]:
    found: dict[str, Any] = COMPOSE[f"{service}-{entry}"]
    return found


def test_every_process_of_every_service_is_there() -> None:
    assert set(COMPOSE) > {f"{service}-{entry}" for service, entry in PROCESSES}
    for service, entry in PROCESSES:
        assert _process(service, entry)["command"] == [f"services.{service}", entry]


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_environment_is_what_the_settings_read(service: str, entry: str) -> None:
    classes, given = settings_classes(service, entry), set(_process(service, entry)["environment"])
    assert given <= variables(classes)
    assert variables(classes, required=True) <= given


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_values_are_accepted(service: str, entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _process(service, entry)["environment"].items():
        monkeypatch.setenv(name, value)
    own, *kafka = [cls() for cls in settings_classes(service, entry)]
    assert isinstance(own, Settings)
    assert (own.environment, own.mongo_database, own.http_host) == ("production", service, "0.0.0.0")  # noqa: S104
    assert own.mongo_uri.get_secret_value().startswith(f"mongodb://{service}:value-of-MONGO_")
    for settings in kafka:
        assert isinstance(settings, KafkaSettings)
        assert (settings.username, settings.security) == (service, "SASL_SSL")


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_a_process_holds_its_own_credentials_only(service: str, entry: str) -> None:
    process = _process(service, entry)
    allowed = {f"MONGO_{service.upper()}_PASSWORD", "RECEIPT_KEY_ID", "SESSION_KEY_ID"} | (
        {f"KAFKA_{service.upper()}_PASSWORD"} if entry == plan.WORKER else set()
    )
    held = {name for name in REQUIRED if f"value-of-{name}" in json.dumps(process["environment"])}
    assert held <= allowed
    files = {value.rpartition("/")[2] for value in process["environment"].values() if "/run/secrets/" in value}
    assert set(process["secrets"]) == files
    assert ("kafka-ca.pem" in files) == (entry == plan.WORKER)
    own = {"receipt.pem", "session.pem", "session.secret"}
    assert files & own == (own if (service, entry) == ("intake", "api") else set())


def test_nothing_that_protects_has_a_default() -> None:
    assert set(EXAMPLE) >= REQUIRED
    protecting = {name for name in EXAMPLE if name.endswith("PASSWORD") or name in ("KAFKA_CLUSTER", "SECRETS_FOLDER")}
    assert protecting <= REQUIRED
    assert not any(EXAMPLE[name] for name in protecting)
    for name in REQUIRED:
        with pytest.raises(KeyError, match=name):
            interpolated({**VALUES, name: ""})


@pytest.mark.parametrize("file", ["docker-compose.yml", ".env.example"])
def test_no_demo_key(file: str) -> None:
    assert "demo-" not in (REPOSITORY / file).read_text()


@pytest.mark.parametrize("name", sorted(COMPOSE))
def test_every_container_is_confined(name: str) -> None:
    container = COMPOSE[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["read_only"] is True
    assert container["mem_limit"]
    assert container["logging"]["options"]["max-size"]
    assert container["restart"] in ("unless-stopped", "on-failure")
    assert float(container["stop_grace_period"].removesuffix("s")) > STOP_SECONDS
    assert re.search(r":v?\d+\.\d+\.\d+", container["image"].replace(f":{VALUES['QIANSHAO_VERSION']}", ":0.0.0"))
    assert "depends_on" not in container
    for port in container.get("ports", []):
        assert port.startswith("127.0.0.1:"), "open to others only if .env says so"


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_health_is_readiness_on_the_port_of_the_process(service: str, entry: str) -> None:
    process = _process(service, entry)
    command, python, flag, code = process["healthcheck"]["test"]
    assert (command, python, flag) == ("CMD", "python", "-c")
    assert f"http://127.0.0.1:{process['environment']['QIANSHAO_HTTP_PORT']}/readyz" in code
    compile(code, "healthcheck", "exec")


def test_front_door_and_prometheus_know_every_process() -> None:
    caddy = COMPOSE["caddy"]["environment"]
    for service in SERVICES:
        api = _process(service, plan.API)
        assert caddy[f"QIANSHAO_{service.upper()}_API"] == f"{service}-api:{api['environment']['QIANSHAO_HTTP_PORT']}"
        assert "front" in api["networks"]
    (job,) = yaml.safe_load((REPOSITORY / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    scraped = {tuple(target["targets"]): target["labels"] for target in job["static_configs"]}
    assert scraped == {(f"{s}-{e}:8000",): {"service": s, "entry": e} for s, e in PROCESSES}


def test_databases_get_one_user_per_service() -> None:
    users = json.loads(COMPOSE["mongo-setup"]["environment"]["MONGO_USERS"])
    assert users == {service: f"value-of-MONGO_{service.upper()}_PASSWORD" for service in SERVICES}
    assert {"--auth", "--keyFile=/tmp/keyfile", "--replSet=rs0"} <= set(COMPOSE["mongo"]["command"])


def test_what_is_mounted_exists() -> None:
    document = interpolated(VALUES)
    for config in document["configs"].values():
        assert (REPOSITORY / config["file"]).is_file()
    used = {name for container in COMPOSE.values() for name in container.get("secrets", [])}
    assert used == set(document["secrets"])
    sources = [volume.split(":")[0] for container in COMPOSE.values() for volume in container.get("volumes", [])]
    for source in sources:
        assert source in document["volumes"] or (REPOSITORY / source).is_dir(), source
    web = any(volume.startswith("./web:") for volume in COMPOSE["caddy"].get("volumes", []))
    assert web == (REPOSITORY / "web").is_dir(), "Caddy serves the front end as soon as there is one"


def test_compose_go_accepts_it_and_refuses_it_without_credentials() -> None:
    reader = _reader()
    if reader is None:  # no Go on this machine: the tests above are our own reading of the same file
        return

    def read(values: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **values}
        command = [str(reader), "docker-compose.yml"]
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    complete = read(VALUES)
    assert complete.returncode == 0, complete.stdout
    for name in sorted(REQUIRED):
        lacking = read({key: value for key, value in VALUES.items() if key != name})
        assert lacking.returncode == 1, name
        assert f"required variable {name} is missing a value" in lacking.stdout


def _reader() -> Path | None:
    """Compiled once and kept; the version is part of the name."""
    folder = state_folder().resolve() / "tools" / f"compose-go-{COMPOSE_GO}"
    program = folder / "reader"
    if not program.exists() and (go := shutil.which("go")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.go").write_text(_READER)
        (folder / "go.mod").write_text("module reader\n")
        module = f"github.com/compose-spec/compose-go/v2/cli@{COMPOSE_GO}"
        for arguments in (["get", module], ["build", "-o", "reader.part", "."]):
            subprocess.run([go, *arguments], cwd=folder, capture_output=True, check=True, timeout=100)
        (folder / "reader.part").rename(program)
    return program if program.exists() else None


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the commands of the runbook make of an empty folder, `docker` replaced by our own Python: the .env file."""
    folder = tmp_path_factory.mktemp("first-start")
    (folder / "bin").mkdir()
    docker = folder / "bin/docker"
    docker.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -\n')
    docker.chmod(0o755)
    (block,) = re.findall(r"```bash first-start\n(.*?)```", (REPOSITORY / "docs/runbook.md").read_text(), re.DOTALL)
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "SECRETS_FOLDER": str(folder / "secrets"),
        "ENV_FILE": str(folder / "env"),
        "KAFKA_HOST": "localhost",
    }
    command = ["bash", "-c", block]
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    again = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 1, "keys that exist are not replaced"
    return dict(line.split("=", 1) for line in (folder / "env").read_text().splitlines())


def test_first_start_makes_all_that_compose_asks_for(first_start: dict[str, str]) -> None:
    assert set(first_start) >= REQUIRED
    assert set(first_start) <= set(EXAMPLE)
    document = interpolated(first_start)
    for secret in document["secrets"].values():
        file = Path(secret["file"])
        assert file.stat().st_mode & 0o777 == 0o644, f"{file.name}: each image runs as another user"
    folder = Path(first_start["SECRETS_FOLDER"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert set(read_jwks(folder / "access.jwks.json")) == {first_start["SESSION_KEY_ID"]}
    SessionTokens(folder / "session.pem", first_start["SESSION_KEY_ID"], folder / "session.secret", "i", "a")
    assert set(read_jwks(folder / "receipt.jwks.json")) == {first_start["RECEIPT_KEY_ID"]}
    ReceiptSigner(folder / "receipt.pem", first_start["RECEIPT_KEY_ID"])
    users = json.loads((folder / "kafka-users.json").read_text())
    assert {users[service] for service in SERVICES} == {first_start[f"KAFKA_{s.upper()}_PASSWORD"] for s in SERVICES}
    assert "dept.fire" in users


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_broker_of_compose_takes_the_contract(first_start: dict[str, str], tmp_path: Path) -> None:
    """The very script of the file, on this machine's Java: TLS, logins, rights, twice the same."""
    state = State.at(tmp_path / "state", jars=state_folder() / "jars")
    jars.ensure_listed(state.jars)
    ports = state.ports(("broker", "controller"))
    container = interpolated(first_start)["services"]["kafka"]
    script = container["entrypoint"][2]
    for inside, outside in {
        "/tmp/": f"{tmp_path}/",  # noqa: S108
        "/run/secrets": first_start["SECRETS_FOLDER"],
        "/etc/qianshao": REPOSITORY / "deploy/local",
        "/var/lib/kafka/data": state.data / "kafka",
        "/opt/kafka/libs": state.jars,
        ":9092": f":{ports['broker']}",
        ":9093": f":{ports['controller']}",
    }.items():
        assert inside in script
        script = script.replace(inside, str(outside))
    java = toolchain.find(state.root / "lib").java.parent
    environment = {**container["environment"], "PATH": f"{java}:{os.environ['PATH']}"}
    process = Process(Program("kafka", ("/bin/sh", "-c", script), state.logs / "kafka.log", environment))
    await process.start()
    try:
        await until_ready(process, listens(ports["broker"]), 60)
        _check_broker(f"localhost:{ports['broker']}", first_start)
    finally:
        await process.stop()


def _check_broker(bootstrap: str, values: Mapping[str, str]) -> None:
    folder = Path(values["SECRETS_FOLDER"])
    job = interpolated(values)["services"]["topics"]
    arguments = [part.replace("/run/secrets", str(folder)) for part in job["command"]]
    environment = {
        **job["environment"],
        "QIANSHAO_KAFKA_BOOTSTRAP": bootstrap,
        "QIANSHAO_KAFKA_CA": str(folder / "kafka-ca.pem"),
        "QIANSHAO_REFERENCE": values["REFERENCE_FOLDER"],
        "PATH": os.environ["PATH"],
    }
    told = []
    for _ in range(2):
        command = [sys.executable, "-m", *arguments]
        result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        told.append(result.stdout)
    assert "+ topic  incident-reported  12 partitions" in told[0]
    assert told[1].strip() == "无差异 nothing to do"

    users = json.loads((folder / "kafka-users.json").read_text())
    ca = str(folder / "kafka-ca.pem")
    seen = connect(credentials(bootstrap, "dept.fire", users["dept.fire"], security="SASL_SSL", ca=ca)).list_topics(
        timeout=5
    )
    assert set(seen.topics) == {"dispatch.fire", "department-updates.fire"}
    with pytest.raises(BrokerAway):
        connect(credentials(bootstrap, "dept.fire", "wrong", security="SASL_SSL", ca=ca), seconds=3)
    with pytest.raises(BrokerAway):
        connect(credentials(bootstrap, "dept.fire", users["dept.fire"]), seconds=3)
