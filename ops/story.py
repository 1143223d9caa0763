"""The manhole story, played through the front door with a real photo: what `./run` shows and the end-to-end test asserts.

Each step is one thing that a person or a department does or sees. One that does not come true in time fails the story.
"""

import asyncio
import json
import os
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image, ImageDraw

from ops.local.up import Running, Say

SUBSCRIBER = Path(__file__).parents[1] / "kit/by_hand.py"
DEPARTMENT = "municipal"
STEP_SECONDS = 30.0
_POLL_SECONDS = 0.05

REPORT = {
    "category": {"scheme": "gb30428", "code": "P0106", "condition": "missing"},
    "emergency": True,
    "place": {"lng": 113.586403, "lat": 37.857503, "crs": "gcj02", "accuracy_m": 12, "address": "北大街与新建路口"},
    "text": "井盖被雨水冲开，路中间，车多",
    "interim_measures": "用树枝围起来了",
}


class StoryFailed(RuntimeError):
    """A step did not come true; the text says which and what was seen instead."""


@dataclass(slots=True)
class Story:
    """A story that was played: seconds by step, and what it was about."""

    seconds: dict[str, float] = field(default_factory=dict)
    incident: str = ""
    code: str = ""


async def play(house: Running, say: Say) -> Story:
    """Play it once. Raises `StoryFailed`."""
    story = Story()

    async def step(name: str, text: str, doing: Awaitable[Any]) -> Any:
        started = time.perf_counter()
        try:
            result = await doing
        except (TimeoutError, AssertionError, httpx2.HTTPError) as error:
            raise StoryFailed(f"{text}: {str(error) or 'nothing came in time'}") from error
        story.seconds[name] = time.perf_counter() - started
        say(text, story.seconds[name])
        return result

    rider, staff, crew = (_Person(house, login) for login in ("rider", "staff", "department"))
    async with _listening(house) as orders, rider, staff, crew:
        before = (await rider.get("/points/v1/passbook"))["entries"]
        taken = await step(
            "photo", "骑手拍照上传 the rider uploads a photo", rider.upload("photos", photo("saddlebrown"))
        )
        wish = {**REPORT, "client_key": str(uuid.uuid4()), "photo_ids": [taken["photo_id"]], "captured_at": _now()}
        report = await step("report", "骑手上报 the rider reports", rider.post("/intake/v1/reports", wish))
        story.incident, story.code = report["incident_id"], report["code"]
        await step("received", "骑手收到编号 the rider is told the number", rider.hears(story, "received"))

        offer = await step("offer", "市政部门收到派单 municipal receives the order", _next(orders, story, "offer"))
        order, subdistrict = offer["order"], offer["subdistrict"]
        _send(house, "accepted", order, offer["seq"], subdistrict)
        accepted = await step("accepted", "部门接单 municipal accepts", _next(orders, story, "ack"))
        await step("in_progress", "社区看到处置中 staff see it in progress", staff.sees(story.incident, "in_progress"))

        after = await step(
            "evidence", "部门上传处置后照片 after-photo and receipt", crew.upload("evidence", photo("gray", 2))
        )
        _send(house, "done", order, accepted["seq"], subdistrict, after["receipt"])
        await step("done", "部门报告完成 municipal reports it done", _next(orders, story, "ack"))
        done = time.perf_counter()
        await step("message", "骑手收到“已修好” the rider hears that it is fixed", rider.hears(story, "fixed"))
        story.seconds["done_to_message"] = time.perf_counter() - done
        await step("balance", "爱心存折入账 the points are in the passbook", rider.is_paid(before))
        story.seconds["done_to_balance"] = time.perf_counter() - done
        seen = await step("seen", "骑手看到全过程 the rider sees it all", rider.sees_everything(report["report_id"]))
    say(
        f"积分 points +{seen['points']['points']} ({seen['points']['reason']}), 步骤 steps {len(seen['timeline'])}",
        None,
    )
    say(f"事件 incident {story.code} ({story.incident})", None)
    return story


class _Person:
    """Someone with a demo login in front of the front door."""

    def __init__(self, house: Running, login: str) -> None:
        headers = {"Authorization": f"Bearer {house.tokens[login]}"}
        self._http = httpx2.AsyncClient(base_url=house.front, headers=headers, timeout=10.0)

    async def __aenter__(self) -> "_Person":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._http.aclose()

    async def upload(self, what: str, jpeg: bytes) -> dict[str, Any]:
        return _body(await self._http.post(f"/intake/v1/{what}", files={"photo": ("photo.jpg", jpeg, "image/jpeg")}))

    async def get(self, path: str) -> dict[str, Any]:
        return _body(await self._http.get(path))

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return _body(await self._http.post(path, json=body))

    async def sees(self, incident: str, state: str) -> dict[str, Any]:
        return await self._until(f"/dispatch/v1/incidents/{incident}", lambda seen: seen["state"] == state)

    async def sees_everything(self, report: str) -> dict[str, Any]:
        """State, after-photo and points, all in the rider's own view."""
        path = f"/intake/v1/reports/{report}"
        return await self._until(path, lambda r: r["state"] == "resolved" and r["after_photos"] and _posted(r))

    async def hears(self, story: Story, template: str) -> dict[str, Any]:
        """A message of that template about this story's incident is in the inbox."""

        def about(inbox: dict[str, Any]) -> bool:
            return any(m["incident"] == story.incident and m["template"] == template for m in inbox["messages"])

        standing = await self.get("/notify/v1/inbox?limit=1")
        return await self._until(f"/notify/v1/inbox?after={max(0, standing['last'] - 50)}&limit=200", about)

    async def is_paid(self, before: int) -> dict[str, Any]:
        """Two more lines than before: the promise and its end. Over the daily cap they are of 0 points, and say so."""
        return await self._until("/points/v1/passbook", lambda passbook: passbook["entries"] >= before + 2)

    async def _until(self, path: str, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Read until it is as wanted. Raises `AssertionError` with what was seen last."""
        seen: Any = None
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            answer = await self._http.get(path)
            seen = answer.json()
            if answer.is_success and true(seen):
                return dict(seen)
            await asyncio.sleep(_POLL_SECONDS)
        raise AssertionError(f"after {STEP_SECONDS:.0f} s {path} is still {str(seen)[:300]}")


def _posted(report: dict[str, Any]) -> bool:
    return bool(report["points"]) and report["points"]["state"] == "posted"


def _body(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.status_code} {answer.text[:300]}"
    return dict(answer.json())


@asynccontextmanager
async def _listening(house: Running) -> AsyncIterator[asyncio.StreamReader]:
    """The department's subscriber: its environment holds only its own login."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SUBSCRIBER), "listen", env=_environment(house), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


async def _next(orders: asyncio.StreamReader, story: Story, kind: str) -> dict[str, Any]:
    """The next message of that kind about this story's incident, which every order id begins with."""
    async with asyncio.timeout(STEP_SECONDS):
        while line := await orders.readline():
            message: dict[str, Any] = json.loads(line)
            if message["kind"] == kind and message["order"].startswith(story.incident):
                return message
    raise AssertionError("the subscriber has ended")


def _send(house: Running, kind: str, order: str, seen_seq: int, subdistrict: str, *receipts: str) -> None:
    """Let the department say something, by a process of its own."""
    command = [sys.executable, str(SUBSCRIBER), "send", kind, "--order", order, "--seen-seq", str(seen_seq)]
    command += ["--subdistrict", subdistrict, *(word for receipt in receipts for word in ("--receipt", receipt))]
    asyncio.get_running_loop().create_task(_run(command, _environment(house)))


async def _run(command: list[str], environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    await process.wait()


def _environment(house: Running) -> dict[str, str]:
    user = f"dept.{DEPARTMENT}"
    return {
        "PATH": os.environ.get("PATH", ""),
        "KAFKA_BOOTSTRAP": house.bootstrap,
        "KAFKA_SECURITY": "SASL_PLAINTEXT",
        "KAFKA_USERNAME": user,
        "KAFKA_PASSWORD": house.kafka_passwords[user],
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def photo(colour: str, seed: int = 1) -> bytes:
    """A real JPEG as a phone makes it: 4000 x 3000 and noisy, turned on its side, with a time in its EXIF."""
    noise = Image.frombytes("L", (500, 375), random.Random(seed).randbytes(500 * 375))  # noqa: S311 - a picture
    image = Image.merge("RGB", (noise, noise, noise)).resize((4000, 3000))
    ImageDraw.Draw(image).ellipse((1400, 900, 2600, 2100), fill=colour, outline="black", width=40)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = datetime.now(UTC).strftime("%Y:%m:%d %H:%M:%S")
    out = BytesIO()
    image.save(out, "JPEG", quality=80, exif=exif)
    return out.getvalue()
