"""Departments' webhooks: when they are tried again, what keeps its order, whom a dead one delays, and where nothing is sent."""

import asyncio
import contextlib
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ops.local.state import REPOSITORY
from services.dispatch.domain.webhooks import Delivery, Hook, delay
from services.dispatch.webhook_client import WebhookClient, read_secrets
from services.dispatch.webhooks import Undelivered, Webhooks
from shared import outward
from shared.mongo.lease import Lease
from shared.outward import is_public
from shared.signed import signature

START = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
SECRET = "s" * 32
WATER, FIRE = Hook("water", "http://water.example/told", "k1"), Hook("fire", "http://fire.example/told", "k1")


class Held:
    """A lease that nobody else wants."""

    def safe(self) -> bool:
        return True

    def due(self) -> bool:
        return False


LEASE = cast(Lease, Held())


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class MemoryDeliveries:
    """See `Deliveries`."""

    waits: dict[str, Delivery] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def add(self, department: str, line: str, *numbers: int) -> None:
        for number in numbers:
            id_ = f"{line}:{number}"
            self.waits[id_] = Delivery(id_, department, line, id_.encode(), START, START)

    async def collect(self, department: str, now: datetime) -> int:
        return 0

    async def due(self, department: str, now: datetime) -> list[Delivery]:
        firsts: dict[str, Delivery] = {}
        for one in self.waits.values():
            if one.department == department:
                firsts.setdefault(one.line, one)
        return [one for one in firsts.values() if one.due <= now]

    async def arrived(self, delivery: Delivery, now: datetime) -> None:
        del self.waits[delivery.id]

    async def failed(self, delivery: Delivery, due: datetime, reason: str) -> None:
        self.waits[delivery.id] = replace(delivery, due=due, tries=delivery.tries + 1)
        self.reasons.append(reason)

    async def waiting(self, department: str) -> tuple[int, datetime | None]:
        mine = [one.stored for one in self.waits.values() if one.department == department]
        return len(mine), min(mine, default=None)


@dataclass
class Counted:
    """See `Counts`."""

    attempts: list[tuple[str, str]] = field(default_factory=list)
    shown: dict[str, tuple[int, float]] = field(default_factory=dict)

    def attempt(self, department: str, outcome: str) -> None:
        self.attempts.append((department, outcome))

    def waiting(self, department: str, deliveries: int, oldest_seconds: float) -> None:
        self.shown[department] = (deliveries, oldest_seconds)

    def stand_by(self) -> None:
        self.shown.clear()


@dataclass
class Ears:
    """A department's end: `deaf` names the messages that it does not take."""

    deaf: Callable[[bytes], bool] = lambda body: False
    heard: list[tuple[str, str, datetime]] = field(default_factory=list)

    async def post(self, hook: Hook, body: bytes, at: datetime) -> None:
        self.heard.append((hook.department, body.decode(), at))
        if self.deaf(body):
            raise Undelivered("answered 500")


def sender(deliveries: MemoryDeliveries, post: Any, clock: Clock, counts: Counted | None = None) -> Webhooks:
    return Webhooks([WATER, FIRE], deliveries, post, LEASE, clock, counts or Counted())


async def test_it_is_tried_again_after_1_5_30_120_600_seconds_and_then_every_half_hour_for_ever() -> None:
    deliveries, clock, ears, counts = MemoryDeliveries(), Clock(), Ears(deaf=lambda body: True), Counted()
    deliveries.add("water", "i.1", 1)
    webhooks = sender(deliveries, ears, clock, counts)
    for second in range(4 * 3600):
        clock.now = START + timedelta(seconds=second)
        await webhooks.step(WATER)
    seconds = [(at - START).total_seconds() for _, _, at in ears.heard]
    assert seconds == [0, 1, 6, 36, 156, 756, 2556, 4356, 6156, 7956, 9756, 11556, 13356]
    assert counts.shown["water"] == (1, 14_399.0)
    assert delay(10_000) == timedelta(minutes=30)
    ears.deaf = lambda body: False
    clock.now += timedelta(minutes=30)
    await webhooks.step(WATER)
    assert (deliveries.waits, counts.shown["water"]) == ({}, (0, 0.0))
    assert counts.attempts[-2:] == [("water", "failed"), ("water", "arrived")]


async def test_messages_of_an_order_keep_their_order_and_other_orders_do_not_wait_for_it() -> None:
    deliveries, clock, ears = MemoryDeliveries(), Clock(), Ears(deaf=lambda body: body == b"i.1:1")
    deliveries.add("water", "i.1", 1, 2)
    deliveries.add("water", "j.1", 1, 2)
    webhooks = sender(deliveries, ears, clock)
    while await webhooks.step(WATER):
        pass
    assert [body for _, body, _ in ears.heard] == ["i.1:1", "j.1:1", "j.1:2"]
    ears.deaf, clock.now = (lambda body: False), START + timedelta(seconds=1)
    while await webhooks.step(WATER):
        pass
    assert [body for _, body, _ in ears.heard][3:] == ["i.1:1", "i.1:2"]


async def test_scenario_39_one_dead_webhook_delays_nobody() -> None:
    deliveries, taken, never = MemoryDeliveries(), asyncio.Event(), asyncio.Event()
    deliveries.add("water", "i.1", 1)
    deliveries.add("fire", "i.2", 1, 2, 3)

    class Hangs(Ears):
        async def post(self, hook: Hook, body: bytes, at: datetime) -> None:
            if hook is WATER:
                await never.wait()
            await super().post(hook, body, at)
            if body == b"i.2:3":
                taken.set()

    task = asyncio.create_task(sender(deliveries, Hangs(), Clock()).run())
    try:
        async with asyncio.timeout(10):
            await taken.wait()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert "i.1:1" in deliveries.waits


async def test_whoever_has_lost_the_lease_sends_nothing() -> None:
    deliveries, ears = MemoryDeliveries(), Ears()
    deliveries.add("water", "i.1", 1)

    class Lost(Held):
        def safe(self) -> bool:
            return False

    webhooks = Webhooks([WATER], deliveries, ears, cast(Lease, Lost()), Clock(), Counted())
    await webhooks.step(WATER)
    assert (ears.heard, list(deliveries.waits)) == ([], ["i.1:1"])


@dataclass
class Server:
    """A plain HTTP server of this machine that answers as it is told."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append(({**headers, ":line": head[0]}, body))
        writer.write(self.answer)
        with contextlib.suppress(ConnectionError):
            await (writer.drain() if self.answer else reader.read())  # without an answer: until the other side gives up
        writer.close()


@asynccontextmanager
async def listening(**how: Any) -> AsyncIterator[Server]:
    server = Server(**how)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        yield server


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def client(host: str, **how: Any) -> WebhookClient:
    return WebhookClient([host], {"k1": SECRET}, **{"development": True, "lookup": here, **how})


async def deliver(server: Server, path: str = "/told", **how: Any) -> None:
    host = f"water.example:{server.port}"
    out = client(host, **how)
    try:
        await out.post(Hook("water", f"http://{host}{path}", "k1"), b'{"a": 1}', START)
    finally:
        await out.close()


async def test_what_arrives_is_signed_and_the_guides_own_code_says_so() -> None:
    async with listening() as server:
        await deliver(server)
        ((headers, body),) = server.requests
        assert headers[":line"] == "POST /told HTTP/1.1"
        assert headers["host"] == f"water.example:{server.port}"
        assert (headers["content-type"], body) == ("application/cloudevents+json; charset=utf-8", b'{"a": 1}')
    guide = (REPOSITORY / "docs/department-guide.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(example.splitlines()) <= 20
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - what departments are told to copy
    genuine, signed, now = names["genuine"], headers["qianshao-signature"], START.timestamp()
    assert genuine(signed, body, {"k1": SECRET}, now)
    assert genuine(signed, body, {"k1": SECRET}, now + 299)
    assert not genuine(signed, body, {"k1": SECRET}, now + 301)
    assert not genuine(signed, body, {"k1": SECRET}, now - 301)
    assert not genuine(signed, body + b" ", {"k1": SECRET}, now)
    assert not genuine(signed, body, {"k1": "t" * 32}, now)
    assert not genuine(signed, body, {"k2": SECRET}, now)
    assert not genuine(signed.replace("t=1", "t=2"), body, {"k1": SECRET}, now)
    assert not genuine("nonsense", body, {"k1": SECRET}, now)


@pytest.mark.parametrize("status", ["301 Moved", "307 Again", "400 Bad", "404 Gone", "500 Oops", "503 Later"])
async def test_anything_but_2xx_is_a_failure_and_redirects_are_not_followed(status: str) -> None:
    async with listening() as other, listening() as server:
        to = f"http://water.example:{other.port}/"
        server.answer = f"HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        with pytest.raises(Undelivered, match=f"answered {status[:3]}"):
            await deliver(server)
        assert (len(server.requests), other.requests) == (1, [])


async def test_a_body_without_end_is_not_read() -> None:
    async with listening(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nxxxx") as server:
        await deliver(server)
        assert len(server.requests) == 1


async def test_a_server_that_never_answers_costs_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "SECONDS", 0.3)
    async with listening(answer=b"") as server:
        with pytest.raises(Undelivered, match="no answer within"):
            await deliver(server)


async def test_nobody_there_is_a_failure() -> None:
    async with listening() as server:
        pass
    with pytest.raises(Undelivered, match="no connection"):
        await deliver(server)


@pytest.mark.parametrize(
    "url",
    [
        "https://fire.example/told",
        "https://water.example.evil.example/",
        "https://water.example:8443/told",
        "https://user@water.example/told",
        "http://water.example/told",
        "ftp://water.example/told",
        "https://127.0.0.1/",
        "https://water.example\\@evil.example/",
    ],
)
async def test_only_hosts_of_the_administrator_and_only_https(url: str) -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    out = client("water.example", development=False, lookup=lookup)
    with pytest.raises(Undelivered, match="not allowed"):
        await out.post(replace(WATER, url=url), b"{}", START)
    assert asked == []
    await out.close()


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1"], ["93.184.215.14", "192.168.1.1"], ["fe80::1%eth0"], []]
)
async def test_a_name_that_leads_into_a_private_network_is_refused(addresses: list[str]) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return addresses

    out = client("water.example", development=False, lookup=lookup)
    with pytest.raises(Undelivered, match=r"private network|no address"):
        await out.post(replace(WATER, url="https://water.example/"), b"{}", START)
    await out.close()


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to() -> None:
    """A name that answers something else the next moment: it is asked once an attempt, and never by the HTTP client."""
    answers = [["127.0.0.1"], ["203.0.113.1"]]

    async def lookup(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async with listening() as server:
        await deliver(server, lookup=lookup)
        assert (len(server.requests), len(answers)) == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.1", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "198.18.0.1",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fc00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "2001:0:1::",
    ],
)  # fmt: skip
def test_ranges_that_are_not_the_internet(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14"])
def test_addresses_that_are(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


async def test_without_its_secret_nothing_leaves() -> None:
    out = client("water.example")
    with pytest.raises(Undelivered, match="no secret under the key k9"):
        await out.post(replace(WATER, key="k9"), b"{}", START)
    await out.close()


@pytest.mark.parametrize("content", ["", "[]", '{"k1": "short"}', '{"k1": 7}'])
def test_a_file_of_secrets_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=re.escape(str(file))):
        read_secrets(file)


def test_secrets_are_read(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.json"
    file.write_text(json.dumps({"k1": SECRET}))
    assert (read_secrets(file), read_secrets(None)) == ({"k1": SECRET}, {})


def test_the_time_is_part_of_what_is_signed() -> None:
    one, two = (signature("k1", SECRET, START + timedelta(seconds=n), b"x").rpartition("=")[2] for n in (0, 1))
    assert one != two
