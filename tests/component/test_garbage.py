"""Duplicate, poisoned, oversize, unknown and forged messages: each ends where it belongs, its neighbours are on time."""

import json
import uuid
from datetime import UTC, datetime

from shared.contracts.envelope import decode
from shared.contracts.topics import INCIDENT_REPORTED
from tests.support import burst
from tests.support.house import House, eventually, report, upload, wish
from tests.support.municipal import Municipal, headers, update


async def test_garbage_is_buried_once_and_its_neighbours_are_on_time(house: House) -> None:
    before = {record.value for record in await house.topic("incident-reported.dlq")}
    unknown = str(uuid.uuid4())
    version = [("content-type", b"application/json"), ("ce_specversion", b"1.0"), ("ce_id", unknown.encode())]
    version += [
        ("ce_type", b"cn.qianshao.incident.reported.v9"),
        ("ce_source", b"/x"),
        ("ce_time", b"2026-11-25T00:00:00Z"),
    ]
    poison = [(b"\xff\xfe not json", []), (b"{}", version), (json.dumps({"n": "NaN"}).encode(), [])]
    for value, with_headers in poison:
        await house.send("intake", "incident-reported", value, with_headers)
    await burst.check(house, await burst.send(house, 10))

    async def buried() -> bool:
        found = [record for record in await house.topic("incident-reported.dlq") if record.value not in before]
        return sorted(record.value for record in found) == sorted(value for value, _ in poison for _ in readers)

    readers = INCIDENT_REPORTED.consumers
    await eventually("each is one dead letter of each reader, with its original bytes", buried)
    letters = [dict(r.headers) for r in await house.topic("incident-reported.dlq") if r.value == b"{}"]
    mine = [told for told in letters if told["ce_id"] == unknown.encode()]
    assert {told["dlq-error-class"] for told in mine} == {b"unknown_version"}
    assert sorted(told["dlq-consumer"].decode() for told in mine) == sorted(readers)


async def test_redelivering_everything_changes_nothing_and_sends_nothing(house: House) -> None:
    sent = await burst.send(house, 5)
    await burst.check(house, sent)
    told = len(await house.topic("dispatch.municipal"))
    changed = len(await house.topic("incident-changed"))
    records = await house.topic("incident-reported")
    mine = [record for record in records if record.key.decode() in sent.incidents]
    for record in reversed(mine):
        await house.send("intake", "incident-reported", record.value, record.headers, key=record.key)
    await burst.check(house, await burst.send(house, 1))  # whatever lay before it has been consumed
    await burst.check(house, sent)
    assert len(await house.topic("dispatch.municipal")) == told + 1
    assert len(await house.topic("incident-changed")) == changed + 3


async def test_a_departments_repeated_update_is_carried_out_once(house: House) -> None:
    async with house.client("intake", "rider") as rider:
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
    municipal = Municipal(house, mine["incident_id"])
    offer = await municipal.told("offer")
    message = update("accepted", offer["order"], 1)
    for _ in range(3):
        await municipal.put(message)
    await municipal.say("progress", offer["order"], 2, progress="在路上")
    await municipal.told("ack", seq=3)
    assert [m["kind"] for m in await municipal.all_told()] == ["offer", "ack", "ack"]


async def test_a_forged_update_for_another_department_has_no_effect(house: House) -> None:
    async with house.client("intake", "rider") as rider:
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
    municipal = Municipal(house, mine["incident_id"])
    offer = await municipal.told("offer")
    forged = {**update("returned", offer["order"], 1, reason="不归我们管"), "department": "municipal"}
    fire = Municipal(house, mine["incident_id"], "fire")
    await house.send(
        "dept.fire",
        "department-updates.fire",
        json.dumps(forged).encode(),
        [
            (n, b"/department/municipal" if n == "ce_source" else v)
            for n, v in headers(forged["update_id"], forged["at"])
        ],
        key=offer["order"].encode(),
    )

    async def refused() -> dict[str, object] | None:
        found = [json.loads(record.value) for record in await house.topic("dispatch.fire")]
        return next((m for m in found if m.get("update_id") == forged["update_id"]), None)

    answer = await eventually("fire is refused", refused)
    assert (answer["kind"], answer["reason_code"]) == ("refused", "unknown_order")
    assert "work_order" not in answer
    assert await fire.all_told() == []
    assert [m["kind"] for m in await municipal.all_told()] == ["offer"]


async def test_what_stands_on_the_topics_is_the_contract(house: House) -> None:
    """Every message that was ever produced in this session reads back by the contract, Chinese unescaped."""
    for topic in ("incident-reported", "incident-changed", "incident-resolved", "dispatch.municipal"):
        records = await house.topic(topic)
        for record in records:
            if record.value not in (b"{}",) and record.value[:1] == b"{" and b'"n"' not in record.value:
                message = decode(topic, list(record.headers), record.value)
                assert message.envelope.recorded_time <= datetime.now(UTC)
    assert any("井盖没了".encode() in record.value for record in await house.topic("dispatch.municipal"))
