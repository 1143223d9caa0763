"""`qianshao` over a house that really runs: each command as an operator types it, on the session's own processes."""

import asyncio
import json
import os
import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.local import plan
from ops.local.state import State, write_private
from ops.local.supervisor import Backoff, Supervisor
from ops.main import app
from ops.topics import apply, connect, reconcile
from shared.contracts.envelope import decode
from shared.ids import new_id
from shared.kafka.admin import Acl, Diff
from shared.mongo.inbox import Delivery, dedupe_id, stored_delivery
from tests.support.deliveries import delivery
from tests.support.house import House, eventually, report, upload, wish
from tests.support.stack import REFERENCE

Document = dict[str, Any]
TOPIC = "incident-changed"
REASON = ("--reason", "修正已发布 the correction is deployed", "--as", "王工")


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Operator:
    """Someone at the terminal of the machine on which the house runs."""

    house: House
    root: Path

    async def type(self, *words: str) -> Told:
        """Run one command."""
        environment = {"QIANSHAO_STATE": str(self.root), "COLUMNS": "200"}
        result = await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Told(result.exit_code, result.stdout, result.stderr)

    async def faults(self) -> list[str]:
        """What the doctor calls a fault, as `check: what`."""
        told = await self.type("doctor", "-o", "json")
        found = [f"{one['check']}: {one['what']}" for one in told.json["findings"] if one["level"] == "fault"]
        assert (told.status, told.json["healthy"]) == ((1, False) if found else (0, True))
        return found

    def change(self, service: str) -> Any:
        """The service's database with every right, and the client to close."""
        client = self.house.stack.mongo.client()
        return client[self.house.around.databases[service].name]


@pytest.fixture
async def operator(house: House, tmp_path: Path) -> AsyncIterator[Operator]:
    """A state folder as `./run` would have left it, kept by this process."""
    root = tmp_path / "state"
    state, stack = State.at(root), house.stack
    (root / "jars").symlink_to(stack.state.jars)
    shutil.copy(stack.state.root / "passwords.json", root / "passwords.json")
    running = {
        "bootstrap": stack.kafka.bootstrap,
        "kafka_passwords": {"ops": stack.kafka.settings("ops").password.get_secret_value()},
        "mongo_uris": {name: database.uri for name, database in house.around.databases.items()},
        "ports": dict(house.around.ports),
    }
    write_private(root / "running.json", running)
    lock = state.lock()
    yield Operator(house, root)
    os.close(lock)


async def test_a_healthy_house_is_called_healthy(operator: Operator) -> None:
    async def healthy() -> bool:
        return await operator.faults() == []

    try:
        await eventually("the doctor finds nothing", healthy, 60.0)
    except AssertionError:
        assert await operator.faults() == []
    told = await operator.type("status", "-o", "json")
    assert (told.status, told.json["wrong"]) == (0, [])
    assert {one["name"] for one in told.json["processes"]} == {
        f"{s} {e}" for s in plan.services() for e in plan.ENTRIES
    }
    assert all(one["holder"] for one in told.json["books"])
    assert {f"{service}.v1" for service in plan.services()} <= {one["name"] for one in told.json["groups"]}
    screen = await operator.type("status")
    assert "正常 all well" in screen.out


@pytest.mark.slow
async def test_a_killed_process_is_named(operator: Operator) -> None:
    await operator.house.process("points", "api").kill()
    assert any(fault.startswith("processes: points api: process:") for fault in await operator.faults())
    told = await operator.type("status", "-o", "json")
    assert told.status == 1
    assert any(sentence.startswith("points api: process:") for sentence in told.json["wrong"])


async def test_a_missing_right_is_named(operator: Operator) -> None:
    kafka = operator.house.stack.kafka
    right = Acl("dept.health", "topic", "literal", "dispatch.health", "read")
    wanted = await kafka.declare([])
    admin = await asyncio.to_thread(connect, kafka.login())
    await asyncio.to_thread(apply, admin, Diff(revoke=(right,)), wanted, {})
    try:
        faults = await operator.faults()
        assert "topics: 权限缺失 right missing: dept.health topic literal dispatch.health read" in faults
    finally:
        await asyncio.to_thread(reconcile, admin, wanted, {})


async def test_a_missing_index_is_named(operator: Operator) -> None:
    entries = operator.change("points")["entries"]
    with entries.database.client:
        entries.drop_index("of_incident")
        try:
            assert "indexes: points: 缺少 missing: entries.of_incident" in await operator.faults()
        finally:
            entries.create_index([("incident", 1)], name="of_incident")


async def test_nothing_to_look_at_says_what_to_do(operator: Operator, tmp_path: Path) -> None:
    told = await Operator(operator.house, tmp_path / "elsewhere").type("status")
    assert told.status == 2
    assert "running.json" in told.err
    assert "./run" in told.err


async def test_tail_tells_an_incidents_story(operator: Operator) -> None:
    house = operator.house
    async with house.client("intake", "rider") as rider:
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
    await house.settled()
    asked = ("tail", "--incident", mine["incident_id"], "--from-start", "--no-follow")
    lines = (await operator.type(*asked, "-o", "json")).out.splitlines()
    topics = [json.loads(line)["topic"] for line in lines]
    assert topics[0] == "incident-reported"
    assert {"incident-changed", "dispatch.municipal"} <= set(topics)
    by_code = await operator.type("tail", "--incident", mine["code"], "--from-start", "--no-follow")
    assert f"code={mine['code']}" in by_code.out
    unknown = await operator.type("tail", "incident-report", "--no-follow")
    assert (unknown.status, "incident-reported" in unknown.err) == (2, True)


def _dedupe(one: Delivery) -> str:
    return dedupe_id(one.topic, decode(one.topic, one.headers, one.value))


def _letter(one: Delivery) -> Document:
    now = datetime.now(UTC)
    return {
        "_id": f"{one.topic}/{one.partition}/{one.offset}",
        "topic": one.topic,
        "key": one.key,
        "headers": [[name, content] for name, content in one.headers],
        "value": one.value,
        "error_class": "ValueError",
        "error": "a bug that has been mended",
        "attempts": 7,
        "first_at": now,
        "last_at": now,
        "state": "open",
        "version": 1,
    }


def _held(line: list[Delivery]) -> Document:
    return {
        "_id": f"{TOPIC}|{(line[0].key or b'').decode()}",
        "topic": TOPIC,
        "bytes": sum(len(one.value) for one in line),
        "line": [stored_delivery(one, decode(one.topic, one.headers, one.value)) for one in line],
        "state": "dead",
        "attempts": 7,
        "due": datetime.now(UTC),
        "error": "a bug that has been mended",
        "first_at": datetime.now(UTC),
        "version": 1,
    }


@asynccontextmanager
async def buried(operator: Operator, *, holds: bool = True) -> AsyncIterator[tuple[Delivery, Delivery]]:
    """Intake has given up one event, and another waits behind it (unless it holds nothing); gone afterwards."""
    incident, offset = f"ops-{new_id()}", int(datetime.now(UTC).timestamp() * 1000)
    head, behind = delivery(incident, 1, offset=offset), delivery(incident, 2, offset=offset + 1)
    intake = operator.change("intake")
    with intake.client:
        intake.dead_letters.insert_one(_letter(head))
        if holds:
            intake.held_keys.insert_one(_held([head, behind]))
        try:
            yield head, behind
        finally:
            intake.dead_letters.delete_one({"_id": _letter(head)["_id"]})
            intake.held_keys.delete_one({"_id": f"{TOPIC}|{incident}"})
            intake.inbox.delete_many({"_id": {"$in": [_dedupe(head), _dedupe(behind)]}})
            intake.statuses.delete_one({"_id": incident})


async def _carried_out(house: House, *deliveries: Delivery) -> None:
    wanted = {"_id": {"$in": [_dedupe(one) for one in deliveries]}}

    async def seen() -> bool:
        return len(await house.find("intake", "inbox", wanted)) == len(deliveries)

    await eventually("the live worker has carried them out", seen, 30.0)


async def test_a_replayed_letter_and_what_waits_behind_it_are_carried_out(operator: Operator) -> None:
    async with buried(operator) as (head, behind):
        id_ = f"{head.topic}/{head.partition}/{head.offset}"
        listed = await operator.type("dlq", "ls", "-o", "json")
        mine = next(one for one in listed.json if one["id"] == id_)
        assert (listed.status, mine["service"], mine["behind"], mine["readable"]) == (1, "intake", 1, True)
        shown = (await operator.type("dlq", "show", id_, "-o", "json")).json
        assert shown["data"]["to_state"] == "triaged"
        assert shown["headers"]["ce_type"] == "cn.qianshao.incident.changed.v1"

        rehearsed = await operator.type("dlq", "replay", id_, *REASON)
        assert (rehearsed.status, "dry run" in rehearsed.out) == (0, True)
        assert (await operator.house.find("intake", "dead_letters", {"_id": id_}))[0]["state"] == "open"

        done = await operator.type("dlq", "replay", id_, *REASON, "--yes", "-o", "json")
        assert (done.status, done.json["done"]) == (0, True)
        await _carried_out(operator.house, head, behind)
        assert await operator.house.find("intake", "held_keys", {"_id": shown["holds"]}) == []
        assert (await operator.house.find("intake", "dead_letters", {"_id": id_}))[0]["state"] == "replayed"
        action = (await operator.house.find("intake", "operator_actions", {"_id": done.json["action"]}))[0]
        assert (action["by"], action["what"], action["letter"]) == ("王工", "dlq replay", id_)
        assert action["reason"] == REASON[1]
        again = await operator.type("dlq", "replay", id_, *REASON, "--yes")
        assert (again.status, "settled already" in again.err) == (2, True)


async def test_a_dropped_letter_lets_the_line_go_on(operator: Operator) -> None:
    async with buried(operator) as (head, behind):
        id_ = f"{head.topic}/{head.partition}/{head.offset}"
        done = await operator.type("dlq", "drop", id_, *REASON, "--yes", "-o", "json")
        assert (done.status, done.json["done"]) == (0, True)
        await _carried_out(operator.house, head, behind)  # the head's row says that it is not to be carried out again
        status = (await operator.house.find("intake", "statuses", {"_id": (head.key or b"").decode()}))[0]
        assert "'1'" not in str(status)
        assert (await operator.house.find("intake", "dead_letters", {"_id": id_}))[0]["state"] == "dropped"


async def test_a_letter_that_holds_nothing_and_can_be_read_by_now_goes_back_into_line(operator: Operator) -> None:
    async with buried(operator, holds=False) as (head, _):
        id_ = f"{head.topic}/{head.partition}/{head.offset}"
        done = await operator.type("dlq", "replay", id_, *REASON, "--yes", "-o", "json")
        assert (done.status, done.json["done"]) == (0, True)
        await _carried_out(operator.house, head)


async def test_garbage_can_only_be_dropped(operator: Operator) -> None:
    value = f"\N{SNOWMAN} {new_id()}".encode("utf-16")
    await operator.house.send("dept.fire", "department-updates.fire", value, [])

    async def found() -> str | None:
        letters = await operator.house.find("dispatch", "dead_letters", {"value": value})
        return str(letters[0]["_id"]) if letters else None

    id_ = await eventually("it is buried", found)
    shown = (await operator.type("dlq", "show", id_, "-o", "json")).json
    assert (shown["value_hex"], shown["data"]) == (value.hex(), None)
    refused = await operator.type("dlq", "replay", id_, *REASON, "--yes")
    assert (refused.status, f"qianshao dlq drop {id_}" in refused.err) == (2, True)
    done = await operator.type("dlq", "drop", id_, *REASON, "--yes", "-o", "json")
    assert (done.status, done.json["done"]) == (0, True)
    assert (await operator.house.find("dispatch", "dead_letters", {"_id": id_}))[0]["state"] == "dropped"
    assert (await operator.type("dlq", "drop", "no/0/1", *REASON)).status == 2


async def test_a_new_department_is_told_its_orders(operator: Operator, tmp_path: Path) -> None:
    house, kafka = operator.house, operator.house.stack.kafka
    data = tmp_path / "reference"
    shutil.copytree(REFERENCE, data)
    worker = await house.start("dispatch", "worker", QIANSHAO_REFERENCE=str(data))
    told = json.loads((operator.root / "running.json").read_text())
    told["ports"] = {"dispatch_worker": told["ports"]["dispatch_worker"]}
    write_private(operator.root / "running.json", told)
    supervisor = Supervisor(lambda text: None, Backoff(0.1))
    supervisor.watch(worker)
    add = ("departments", "add", "lighting", "--reference", str(data), "-o", "json")
    try:
        early = await operator.type(*add)
        assert (early.status, "departments.yaml" in early.err) == (2, True)
        with (data / "departments.yaml").open("a") as file:
            file.write("  - {code: lighting, zh: 路灯管理, en: Street lighting, contact: topic}\n")
        done = (await operator.type(*add)).json
        assert done["restarted"] == ["dispatch worker"]
        assert "主题缺失 topic missing: dispatch.lighting" in done["done"]
        client = operator.root / "departments/lighting.env"
        assert stat.S_IMODE(client.stat().st_mode) == 0o600
        values = dict(line[7:].split("=", 1) for line in client.read_text().splitlines() if line.startswith("export "))
        login = {**kafka.login(), "sasl.username": "dept.lighting", "sasl.password": values["KAFKA_PASSWORD"]}
        seen = (await asyncio.to_thread(connect, login)).list_topics(timeout=10).topics
        assert set(seen) == {"dispatch.lighting", "department-updates.lighting"}
        again = (await operator.type(*add)).json
        assert (again["done"], again["restarted"]) == ([], [])
    finally:
        await supervisor.stop()
        await house.start("dispatch", "worker")
        wanted = await kafka.declare([])
        await asyncio.to_thread(reconcile, await asyncio.to_thread(connect, kafka.login()), wanted, {})
