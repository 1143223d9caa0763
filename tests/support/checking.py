"""Whole stories on the real house for the tests of `check` and `trace`, and corruptions that are undone afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pymongo.collection import Collection
from typer.testing import CliRunner

from ops.check.command import examine
from ops.local.keys import FORGET_KEY
from ops.local.up import Running
from ops.look import Access, Look, looking
from ops.main import app
from shared.clock import system_clock
from shared.contracts.topics import OPERATORS
from tests.support.house import Document, House, eventually, jpeg, report, upload, wish
from tests.support.municipal import Municipal


@dataclass(frozen=True, slots=True)
class Story:
    """An incident from its report to the message about the points."""

    incident: str
    code: str
    report: str
    order: str
    rider: str


async def whole_story(house: House, rider: str) -> Story:
    """Report, accepted, done, resolved, paid, told; by a rider whom no other test knows."""
    async with house.client("intake", "rider", sub=rider) as phone, house.client("intake", "department") as crew:
        mine = await report(phone, wish((await upload(phone))["photo_id"]))
        municipal = Municipal(house, mine["incident_id"])
        offer = await municipal.told("offer")
        await municipal.say("accepted", offer["order"], 1)
        await municipal.told("ack", seq=2)
        evidence = await upload(crew, jpeg(1), "evidence")
        await municipal.say("done", offer["order"], 2, receipts=[evidence["receipt"]])
    story = Story(mine["incident_id"], mine["code"], mine["report_id"], offer["order"], rider)

    async def paid() -> bool:
        query = {"incident": story.incident, "template": "points_awarded"}
        return bool(await house.find("notify", "messages", query))

    await eventually("the rider is told of the points", paid)
    await house.settled()
    return story


@asynccontextmanager
async def behind_the_scenes(house: House) -> AsyncIterator[Look]:
    """As principal `ops` looks."""
    keys = house.around.state.root / FORGET_KEY
    access = Access(house.around.databases, house.stack.kafka.settings(OPERATORS), keys)
    async with looking(access) as look:
        yield look


async def violations(look: Look, *stories: Story) -> dict[int, tuple[str, ...]]:
    """What `check --incident …` says: the violations of each rule that is red."""
    examined = await examine(look, [story.incident for story in stories], system_clock)
    assert examined.unsettled == ()
    return {finding.rule: finding.violations for finding in examined.findings if not finding.clean}


@asynccontextmanager
async def changed(house: House, service: str, collection: str, id_: str, **changes: Any) -> AsyncIterator[None]:
    """A document with other values, as it was before afterwards."""
    with house.stack.mongo.client() as client:
        documents: Collection[Document] = client[house.around.databases[service].name][collection]
        before = documents.find_one({"_id": id_})
        assert before is not None, f"{service}.{collection} has no {id_}"
        documents.replace_one({"_id": id_}, {**before, **changes})
        try:
            yield
        finally:
            documents.replace_one({"_id": id_}, before)


@asynccontextmanager
async def removed(house: House, service: str, collection: str, id_: str) -> AsyncIterator[None]:
    """A document that is not there, and is again afterwards."""
    with house.stack.mongo.client() as client:
        documents: Collection[Document] = client[house.around.databases[service].name][collection]
        before = documents.find_one_and_delete({"_id": id_})
        assert before is not None, f"{service}.{collection} has no {id_}"
        try:
            yield
        finally:
            documents.insert_one(before)


def write_down(house: House, folder: Path) -> None:
    """What `./run` writes into its state folder, as far as operators' commands need it."""
    running = Running(
        front="http://127.0.0.1:1",
        bootstrap=house.stack.kafka.bootstrap,
        tokens={},
        kafka_passwords={OPERATORS: house.stack.kafka.settings(OPERATORS).password.get_secret_value()},
        mongo_uris={name: place.uri for name, place in house.around.databases.items()},
        ports=dict(house.around.ports),
    )
    (folder / "running.json").write_text(json.dumps(asdict(running)))


async def qianshao(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Call the operators' program on a state folder. Returns exit status, output and error output."""
    environment = {"QIANSHAO_STATE": str(folder), "COLUMNS": "200"}
    answer = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)
    return answer.exit_code, answer.stdout, answer.stderr
