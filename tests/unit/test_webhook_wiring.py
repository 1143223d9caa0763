"""A webhook of the reference data becomes a job of dispatch's worker, and a file that is wrong is refused by its name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from services.dispatch.app import _webhooks
from services.dispatch.settings import DispatchSettings
from shared.beside import Beside
from shared.mongo.client import connect
from shared.reference.departments import Department
from shared.reference.reference import Reference

WEBHOOK = {"url": "https://water.example/told", "key": "k1"}


def department(**more: Any) -> Department:
    return Department.model_validate({"code": "water", "zh": "供水", "en": "Water", "contact": "inbox", **more})


def jobs(one: Department, secrets: Path | None = None) -> list[str]:
    settings = SimpleNamespace(
        webhook_hosts="water.example, other.example",
        webhook_secrets=secrets,
        webhook_authorities=None,
        environment="production",
    )
    database = connect("mongodb://127.0.0.1/", "test")["test"]  # a client connects when first used
    beside = Beside(database, cast(Any, None), CollectorRegistry(), cast(Any, None), lambda name: cast(Any, name))
    reference = cast(Reference, SimpleNamespace(departments={"water": one}))
    return [f"{job.name} {job.lease}" for job in _webhooks(cast(DispatchSettings, settings), reference, beside)]


async def test_only_where_a_department_has_one() -> None:
    assert jobs(department()) == []
    assert jobs(department(webhook=WEBHOOK)) == ["webhooks webhooks"]


async def test_secrets_that_cannot_be_read_stop_the_worker_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.json"):
        jobs(department(webhook=WEBHOOK), tmp_path / "none.json")


@pytest.mark.parametrize("wrong", [{"url": "ftp://x/"}, {"url": "https://a b"}, {"key": ""}, {"secret": "s" * 32}])
def test_what_is_no_webhook_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        department(webhook={**WEBHOOK, **wrong})
