"""Which process is told what: nothing is missing, and nobody holds a credential of somebody else."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest

from ops.local import kafka, mongo, plan
from ops.local.state import State
from shared.settings import KafkaSettings, Settings

SERVICES = plan.services()
PROCESSES = list(product(SERVICES, plan.ENTRIES))


@pytest.fixture
def around(tmp_path: Path) -> plan.Surroundings:
    state = State.at(tmp_path / "s")
    names = [*kafka.PASSWORDS, *mongo.PASSWORDS, "ops", "dept.municipal", *SERVICES]
    databases = {name: mongo.Database(name, f"mongodb://{name}:mongo-password-of-{name}@h/{name}") for name in SERVICES}
    return plan.Surroundings(
        state=state,
        reference=tmp_path,
        bootstrap="127.0.0.1:9092",
        databases=databases,
        passwords={name: f"kafka-password-of-{name}" for name in names},
        ports={name: 20_000 + n for n, name in enumerate(plan.port_names(SERVICES))},
    )


def test_services_take_part_by_having_a_main(tmp_path: Path) -> None:
    assert {"intake", "dispatch"} <= set(SERVICES)
    for name in ("points", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "points/__main__.py").write_text("")
    assert plan.services(tmp_path) == ["points"]


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_every_process_can_read_its_settings(
    service: str, entry: str, around: plan.Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in plan.environment(service, entry, around).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.mongo_database == service
    assert settings.http_port == around.ports[f"{service}_{entry}"]
    assert settings.jwks.is_file()
    if entry == plan.WORKER:
        assert KafkaSettings().username == service


@pytest.mark.parametrize(("service", "entry"), PROCESSES)
def test_no_process_holds_anothers_password(service: str, entry: str, around: plan.Surroundings) -> None:
    environment = plan.environment(service, entry, around)
    held = " ".join(environment.values())
    for owner, password in around.passwords.items():
        assert (password in held) == (owner == service and entry == plan.WORKER), owner
    for owner in SERVICES:
        assert (f"mongo-password-of-{owner}" in held) == (owner == service), owner


def test_only_intakes_api_can_sign(around: plan.Surroundings) -> None:
    signers = [p for p in PROCESSES if ".pem" in " ".join(plan.environment(*p, around).values())]
    assert signers == [("intake", "api")]


def test_an_api_knows_nothing_of_kafka(around: plan.Surroundings) -> None:
    environment: Mapping[str, str] = plan.environment("intake", "api", around)
    assert not [name for name in environment if "KAFKA" in name]
