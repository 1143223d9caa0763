"""A burst of reports as phones send it, and what must be true of it afterwards, whatever broke meanwhile."""

import asyncio
import random
import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.house import House, eventually, report, upload, wish

DUPLICATES = 0.2
PER_RIDER = 4


@dataclass(frozen=True, slots=True)
class Burst:
    """Bodies by client key, and every answer that was given to each."""

    bodies: dict[str, dict[str, Any]]
    answers: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, bursts: "list[Burst]") -> "Burst":
        """Several as one."""
        bodies = {key: body for one in bursts for key, body in one.bodies.items()}
        return cls(bodies, {key: found for one in bursts for key, found in one.answers.items()})

    @property
    def incidents(self) -> set[str]:
        return {answers[0]["incident_id"] for answers in self.answers.values()}


async def send(house: House, reports: int, at_once: int = 8, seed: int = 1) -> Burst:
    """Send `reports` different reports, a fifth of them twice, at most `at_once` at a time, each until it is answered 201.

    Four a rider, so that nobody reaches the daily cap of points.
    """
    gate = asyncio.Semaphore(at_once)
    riders = [min(PER_RIDER, reports - first) for first in range(0, reports, PER_RIDER)]
    bursts = await asyncio.gather(*(_one_rider(house, share, gate, seed) for share in riders))
    return Burst.of(list(bursts))


async def _one_rider(house: House, reports: int, gate: asyncio.Semaphore, seed: int) -> Burst:
    async with house.client("intake", "rider", sub=f"rider-{uuid.uuid4()}") as rider:
        async with gate:
            photo = await _photo(rider)
        bodies = {body["client_key"]: body for body in (wish(photo) for _ in range(reports))}
        twice = [key for key in bodies if random.Random(f"{seed}{key}").random() < DUPLICATES]
        answers: dict[str, list[dict[str, Any]]] = {key: [] for key in bodies}

        async def one(key: str) -> None:
            async with gate:
                answers[key].append(await report(rider, bodies[key]))

        await asyncio.gather(*(one(key) for key in [*bodies, *twice]))
        return Burst(bodies, answers)


async def _photo(rider: httpx2.AsyncClient) -> str:
    """Upload until it is answered: the api may be the one that is being killed."""

    async def attempt() -> str | None:
        try:
            return str((await upload(rider))["photo_id"])
        except httpx2.HTTPError:
            return None

    photo: str = await eventually("the photo is stored", attempt)
    return photo


async def check(house: House, burst: Burst) -> None:
    """Rules 1, 2 and 5 of the contract for this burst: stored once, offered once, told once, numbered without a gap."""
    for key, answers in burst.answers.items():
        assert len({answer["incident_id"] for answer in answers}) == 1, f"client key {key} has two incidents"
    incidents = burst.incidents
    assert len(incidents) == len(burst.bodies)

    async def all_offered() -> bool:
        found = await house.find("dispatch", "incidents", {"_id": {"$in": list(incidents)}})
        return len(found) == len(incidents) and all(len(incident["orders"]) == 1 for incident in found)

    await eventually(f"{len(incidents)} incidents are offered", all_offered)
    await house.settled()
    stored = await house.find("intake", "reports", {"client_key": {"$in": list(burst.bodies)}})
    assert len(stored) == len(burst.bodies), "a report is stored twice or not at all"
    for topic, wanted in (("incident-reported", 1), ("incident-changed", 3), ("dispatch.municipal", 1)):
        await _numbered(house, topic, incidents, wanted)
    assert not await house.find("dispatch", "held_keys")
    assert not await house.find("intake", "held_keys")


async def _numbered(house: House, topic: str, incidents: set[str], wanted: int) -> None:
    """Each key has exactly `wanted` different events, their first deliveries in order 1, 2, 3 …"""
    sequences: dict[str, list[int]] = {incident: [] for incident in incidents}
    for record in await house.topic(topic):
        key = record.key.decode()
        if key not in incidents:
            continue
        number = int(dict(record.headers)["ce_sequence"])
        if number not in sequences[key]:
            sequences[key].append(number)
    wrong = {key: found for key, found in sequences.items() if found != list(range(1, wanted + 1))}
    assert not wrong, f"{topic}: {wrong}"


async def check_story(house: House, burst: Burst) -> None:
    """Every report of the burst is stored, offered, fixed, paid and told, each exactly once. A robot plays the department."""
    incidents = list(burst.incidents)
    assert len(incidents) == len(burst.bodies)

    async def count(service: str, collection: str, query: dict[str, Any]) -> int:
        return len(await house.find(service, collection, query))

    async def told_everything() -> bool:
        resolved = await count("dispatch", "incidents", {"_id": {"$in": incidents}, "state": "resolved"})
        posted = await count("points", "entries", {"incident": {"$in": incidents}, "kind": "post"})
        paid = await count("notify", "messages", {"incident": {"$in": incidents}, "template": "points_awarded"})
        return (resolved, posted, paid) == (len(incidents),) * 3

    await eventually("every incident is resolved, paid and told", told_everything, seconds=180)
    await house.settled()
    stored = await house.find("intake", "reports", {"client_key": {"$in": list(burst.bodies)}})
    assert len(stored) == len(burst.bodies), "a report is stored twice or not at all"
    for template in ("received", "fixed", "points_awarded"):
        found = await house.find("notify", "messages", {"incident": {"$in": incidents}, "template": template})
        assert len(found) == len(incidents), f"{template}: {len(found)} messages for {len(incidents)} incidents"
    entries = await house.find("points", "entries", {"incident": {"$in": incidents}})
    assert len({entry["_id"] for entry in entries if entry["kind"] == "post"}) == len(incidents)
    for book in await house.find("points", "passbooks"):
        lines = await house.find("points", "entries", {"account": book["account"], "kind": "post"})
        assert book["balance"] == sum(line["amount"] for line in lines), "a passbook is not the sum of its entries"
    seen = await house.find("intake", "statuses", {"_id": {"$in": incidents}, "state": "resolved"})
    assert len(seen) == len(incidents), "a rider does not see that it is resolved"
    for topic, wanted in (("incident-reported", 1), ("incident-resolved", 1)):
        await _numbered(house, topic, set(incidents), wanted)
    for service in house.around.databases:
        assert not await house.find(service, "held_keys"), service
