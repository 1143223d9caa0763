"""A burst of reports as phones send it, and what must be true of it afterwards, whatever broke meanwhile."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.house import House, eventually, report, upload, wish

DUPLICATES = 0.2


@dataclass(frozen=True, slots=True)
class Burst:
    """Bodies by client key, and every answer that was given to each."""

    bodies: dict[str, dict[str, Any]]
    answers: dict[str, list[dict[str, Any]]]

    @property
    def incidents(self) -> set[str]:
        return {answers[0]["incident_id"] for answers in self.answers.values()}


async def send(house: House, reports: int, at_once: int = 8, seed: int = 1) -> Burst:
    """Send `reports` different reports, a fifth of them twice, at most `at_once` at a time, each until it is answered 201."""
    async with house.client("intake", "rider") as rider:
        photo = await _photo(rider)
        bodies = {body["client_key"]: body for body in (wish(photo) for _ in range(reports))}
        order = [*bodies, *random.Random(seed).sample(list(bodies), int(reports * DUPLICATES))]
        answers: dict[str, list[dict[str, Any]]] = {key: [] for key in bodies}
        gate = asyncio.Semaphore(at_once)

        async def one(key: str) -> None:
            async with gate:
                answers[key].append(await report(rider, bodies[key]))

        await asyncio.gather(*(one(key) for key in order))
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
