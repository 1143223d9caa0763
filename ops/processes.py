"""What each process says of itself: `/readyz`, and of `/metrics` what operators ask about."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from shared.clock import Clock

ANSWER_SECONDS = 8.0
"""A worker's readiness may take 5 s while a broker is away: 2 s for MongoDB, then 3 s for Kafka."""

_DATE = timedelta(seconds=2)
"""uvicorn makes an answer's Date once a second and cuts it to the second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A process as it answered. `failing`: reason by check, {"process": …} if it does not answer at all.

    `reference`: version by which it decides, "" if unknown; `relay_active` None for an api; `breakers`: topics that are
    stopped; `skew`: seconds by which its clock is surely ahead of ours.
    """

    name: str
    failing: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""
    relay_active: bool | None = None
    breakers: tuple[str, ...] = ()
    skew: float | None = None

    @property
    def service(self) -> str:
        return self.name.split()[0]

    @property
    def ready(self) -> bool:
        return not self.failing


async def ask_all(processes: Mapping[str, str], clock: Clock) -> list[Seen]:
    """Every process at once; never raises for one that is down. `processes`: base URL by name."""
    async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
        return list(await asyncio.gather(*(_ask(client, name, url, clock) for name, url in processes.items())))


async def _ask(client: httpx2.AsyncClient, name: str, url: str, clock: Clock) -> Seen:
    try:
        asked = clock()
        date = (await client.get(f"{url}/livez")).headers.get("date")
        skew = skew_of(parsedate_to_datetime(date), asked - _DATE, clock()) if date else None
        readiness = await client.get(f"{url}/readyz")
        exposition = await client.get(f"{url}/metrics")
        failing = dict(readiness.json()["failing"])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        return Seen(name, {"process": f"{url} 无应答 does not answer: {type(error).__name__}"})
    return Seen(name, failing, skew=skew, **_told(exposition.text))


def skew_of(date: datetime, asked: datetime, answered: datetime) -> float:
    """Seconds by which another's clock is surely ahead of ours (behind: negative), if it was read between these two times."""
    return max(0.0, (date - answered).total_seconds()) + min(0.0, (date - asked).total_seconds())


def _told(exposition: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    breakers = []
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == "qianshao_process_info":
                told["reference"] = sample.labels["reference"]
            elif sample.name == "qianshao_relay_active":
                told["relay_active"] = sample.value == 1
            elif sample.name == "qianshao_consumer_breaker_open" and sample.value:
                breakers.append(sample.labels["topic"])
    return {**told, "breakers": tuple(breakers)}
