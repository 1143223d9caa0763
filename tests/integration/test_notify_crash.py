"""Rule 8 of the events: the sending worker is killed in the middle of a burst, twice, and nothing is without an outcome."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.notify.delivery_store import DELIVERIES
from services.notify.domain.telling import Urgency
from shared.clock import system_clock
from tests.support.fakes import wecom
from tests.support.fakes.wire import listening
from tests.support.house import House, eventually
from tests.support.reference import copy_of_sample
from tests.support.sending import delivery

KEY, ROBOT = "693a91f6-7xxx", "crash-robot"
URGENT, NORMAL = 5, 4


def settings(folder: Path, port: int) -> dict[str, Any]:
    """A robot whose provider is the fake, and its secret."""
    reference = copy_of_sample(folder)
    url = f"http://127.0.0.1:{port}{wecom.PATH}"
    robot = f'{{code: {ROBOT}, channel: wecom, audience: "group:community-140302003001", secret: it, url: "{url}"}}'
    (reference / "channels.yaml").write_text(f'quiet: {{begin: "00:00", end: "00:00"}}\nrobots:\n  - {robot}\n')
    secrets = folder / "secrets.json"
    secrets.write_text(json.dumps({"it": {"key": KEY}}))
    return {
        "QIANSHAO_REFERENCE": str(reference),
        "QIANSHAO_NOTIFY_SECRETS": str(secrets),
        "QIANSHAO_NOTIFY_HOSTS": f"127.0.0.1:{port}",
    }


def put(house: House) -> None:
    """The burst: it waits in the database when the worker starts."""
    kinds = [Urgency.URGENT] * URGENT + [Urgency.NORMAL] * NORMAL
    burst = [delivery(n, ROBOT, kind, system_clock()) for n, kind in enumerate(kinds)]
    with house.stack.mongo.client() as client:
        kept = client[house.around.databases["notify"].name]["deliveries"]
        kept.insert_many([{**DELIVERIES.dump(one), "version": 1} for one in burst])


@pytest.mark.slow
async def test_every_message_of_a_burst_has_an_outcome_whoever_is_killed(house: House, tmp_path: Path) -> None:
    robots = wecom.Wecom(system_clock, KEY)
    async with listening(robots) as wire:
        env = settings(tmp_path, wire.port)
        await house.process("notify", "worker").stop()
        await asyncio.to_thread(put, house)

        async def dead() -> bool:
            return not house.process("notify", "worker").running

        # the third call is an urgent one; after it two urgent ones and this one again, and then the first of the rest
        for point in ("delivery.after_call:3", "delivery.after_call:4"):
            await house.start("notify", "worker", wait=False, QIANSHAO_CRASH_AT=point, **env)
            await eventually(f"killed at {point}", dead, 90)
        await house.start("notify", "worker", **env)

        async def ended() -> list[dict[str, Any]] | None:
            found = await house.find("notify", "deliveries", {"endpoint": ROBOT})
            return found if all(one["ended"] is not None for one in found) else None

        found = await eventually("every one has ended", ended, 120)
        await house.start("notify", "worker")
    taken = Counter(code for text in robots.texts(KEY) for code in codes(text))
    urgent = [one for one in found if one["urgency"] == "urgent"]
    rest = [one for one in found if one["urgency"] != "urgent"]
    assert (len(urgent), len(rest)) == (URGENT, NORMAL)
    assert {one["state"] for one in urgent} == {"sent"}
    assert all(taken[one["public_code"]] >= 1 for one in urgent), "at least once"
    assert sum(taken[one["public_code"]] for one in urgent) == URGENT + 1, "the one in the air was sent again"
    assert all(taken[one["public_code"]] <= 1 for one in rest), "at most once"
    assert Counter((one["state"], one["code"]) for one in rest) == {
        ("sent", "0"): NORMAL - 1,
        ("uncertain", "crash"): 1,
    }


def codes(text: str) -> list[str]:
    """The public codes that a text names, each once."""
    return [code for code in (f"{n:04d}-TEST" for n in range(URGENT + NORMAL)) if code in text]
