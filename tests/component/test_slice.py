"""A report reaches its department and comes back as resolved, through the real `__main__` of every service."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from tests.support.house import House, another, ask, eventually, jpeg, report, upload, wish
from tests.support.municipal import Municipal


async def test_a_report_reaches_its_department_and_comes_back_resolved(house: House) -> None:
    async with (
        house.client("intake", "rider") as rider,
        house.client("intake", "department") as crew,
        house.client("dispatch", "staff") as staff,
    ):
        photo = await upload(rider)
        mine = await report(rider, wish(photo["photo_id"]))
        municipal = Municipal(house, mine["incident_id"])
        offer = await municipal.told("offer")
        assert offer["work_order"]["photos"][0]["url"].endswith(photo["photo_id"])
        assert offer["seq"] == 1

        await municipal.say("accepted", offer["order"], 1)
        assert (await municipal.told("ack", seq=2))["current_state"] == "accepted"
        await ask(rider, f"/v1/reports/{mine['report_id']}", lambda body: body["state"] == "in_progress")

        evidence = await upload(crew, jpeg(1), "evidence")
        await municipal.say("done", offer["order"], 2, receipts=[evidence["receipt"]])
        seen = await ask(staff, f"/v1/incidents/{mine['incident_id']}", lambda body: body["state"] == "resolved")
        assert seen["orders"][0]["evidence"] == [evidence["photo_id"]]
        assert [line["what"] for line in seen["history"]][:3] == [
            "reported",
            "reported -> triaged",
            "triaged -> dispatched",
        ]
        await ask(rider, f"/v1/reports/{mine['report_id']}", lambda body: body["state"] == "resolved")

        resolved = await house.topic("incident-resolved", mine["incident_id"])
        assert dict(resolved[0].headers)["ce_id"].decode() == (f"incident-resolved:{mine['incident_id']}:1")


async def test_done_without_evidence_is_refused_and_changes_nothing(house: House) -> None:
    async with house.client("intake", "rider") as rider, house.client("dispatch", "staff") as staff:
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
        municipal = Municipal(house, mine["incident_id"])
        offer = await municipal.told("offer")
        await municipal.say("done", offer["order"], 1)
        refused = await municipal.told("refused")
        assert (refused["reason_code"], refused["current_state"]) == ("evidence_missing", "offered")
        await ask(staff, f"/v1/incidents/{mine['incident_id']}", lambda body: body["state"] == "dispatched")


async def test_an_uncertain_place_waits_in_triage_and_staff_assign_it_once(house: House) -> None:
    async with house.client("intake", "rider") as rider, house.client("dispatch", "staff") as staff:
        photo = await upload(rider)
        place = {"lng": 113.58, "lat": 37.857, "crs": "wgs84", "accuracy_m": 180, "address": "市场北门"}
        mine = await report(rider, wish(photo["photo_id"], place=place))
        assert mine["micro_grid"] is None
        assert "needs_location" in mine["flags"]  # beside it whatever else the house knows of there
        path = f"/v1/incidents/{mine['incident_id']}"
        seen = await ask(staff, path, lambda body: body["state"] == "triaged")
        assert seen["orders"] == []

        body = {"expected_version": seen["version"], "departments": ["municipal"], "reason": "北门就在一格"}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        first = await staff.post(f"{path}/assign", json=body, headers=key)
        again = await staff.post(f"{path}/assign", json=body, headers=key)
        assert (first.status_code, again.status_code) == (200, 200), first.text
        assert first.json() == again.json()
        assert again.headers["Idempotency-Replayed"] == "true"
        stale = await staff.post(f"{path}/assign", json=body, headers={"Idempotency-Key": "another-key"})
        assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
        without = await staff.post(f"{path}/assign", json=body)
        assert (without.status_code, without.json()["code"]) == (400, "idempotency-key-missing")
        other = await staff.post(f"{path}/assign", json={**body, "reason": "anders"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
        assert (await Municipal(house, mine["incident_id"]).told("offer"))["seq"] == 1


async def test_scenario_32_a_slow_clock_is_noted_and_a_time_without_offset_is_refused(house: House) -> None:
    async with house.client("intake", "rider") as rider, house.client("dispatch", "staff") as staff:
        mine = await report(rider, wish((await upload(rider))["photo_id"]))
        municipal = Municipal(house, mine["incident_id"])
        offer = await municipal.told("offer")
        await municipal.say("accepted", offer["order"], 1, at=(datetime.now(UTC) - timedelta(minutes=10)).isoformat())
        await municipal.told("ack")
        seen = await ask(staff, f"/v1/incidents/{mine['incident_id']}", lambda body: body["state"] == "in_progress")
        assert any("clock_skew" in line["what"] for line in seen["history"])

        update = await municipal.say("progress", offer["order"], 2, at="2026-11-25T10:00:00")

        async def buried() -> bool:
            dead = await house.topic("department-updates.municipal.dlq")
            return any(update.encode() in record.value for record in dead)

        await eventually("the update without offset is a dead letter", buried)


async def test_the_same_client_key_over_two_replicas_is_one_report(house: House) -> None:
    """scenario_15, and again after both have restarted."""
    async with (
        another(house, "intake", "api") as second,
        house.client("intake", "rider") as rider,
        second.client("intake", "rider") as twin,
    ):
        body = wish((await upload(rider))["photo_id"])
        answers = await asyncio.gather(*((rider, twin)[n % 2].post("/v1/reports", json=body) for n in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["incident_id"] for answer in answers}) == 1
        assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
        await house.start("intake", "api")
        again = await report(rider, body)
        assert again["incident_id"] == answers[0].json()["incident_id"]
        other = await rider.post("/v1/reports", json={**body, "text": "别的"})
        assert (other.status_code, other.json()["code"]) == (422, "client-key-reused")
        await house.settled()
        assert len(await house.find("dispatch", "incidents", {"_id": again["incident_id"]})) == 1
        assert len(await house.topic("incident-reported", again["incident_id"])) == 1
