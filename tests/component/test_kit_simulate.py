"""The simulated department of the kit, as a program of its own, at work for a department of the real house."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.local.process import Process, Program
from ops.local.state import REPOSITORY
from shared.clock import system_clock
from tests.support.house import House, ask, eventually, report, upload, wish


@asynccontextmanager
async def playing(house: House, folder: Path, *arguments: str) -> AsyncIterator[Path]:
    """Municipal, played until the block ends; yields what it prints."""
    login = house.stack.kafka.settings("dept.municipal")
    environment = {
        "PYTHONPATH": str(REPOSITORY),
        "KAFKA_BOOTSTRAP": login.bootstrap,
        "KAFKA_USERNAME": login.username,
        "KAFKA_PASSWORD": login.password.get_secret_value(),
        "KAFKA_SECURITY": login.security,
        "QIANSHAO_TOKEN": house.token("department"),
    }
    printed = folder / "simulate.log"
    command = (sys.executable, "-m", "kit.simulate", "--intake", house.url("intake"), *arguments)
    process = Process(Program("simulate", command, printed, environment))
    await process.start()
    try:
        yield printed
    finally:
        await process.stop()


@pytest.mark.slow
async def test_a_simulated_department_takes_on_mends_with_evidence_and_is_not_deaf(
    house: House, tmp_path: Path
) -> None:
    async with (
        house.client("intake", "rider") as rider,
        house.client("dispatch", "staff") as staff,
        playing(house, tmp_path, "--accept-after", "0", "--done-after", "0..1", "--seed", "3") as printed,
    ):
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
        path = f"/v1/incidents/{mine['incident_id']}"
        seen = await ask(staff, path, lambda body: body["state"] == "resolved", 120.0)
        (order,) = seen["orders"]
        assert order["evidence"]
        for said in (f"← offer {order['order']}", f"→ accepted {order['order']}", f"→ done {order['order']}"):
            assert said in printed.read_text()

        all_read = {"_id": "municipal", "unread": 0, "looked_at": {"$gt": system_clock()}}

        async def read() -> bool:
            return bool(await house.find("dispatch", "department_readings", all_read))

        await eventually("dispatch has seen that municipal reads", read, 150.0)
