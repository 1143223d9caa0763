"""A rider's phone on a played day: it asks until it is answered, and notes what it was told."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2

from ops.simulate.doors import bearer
from ops.simulate.pictures import Picture
from ops.simulate.send import Send

TRIES = 20
_WAIT_SECONDS = 0.5
REPLAYED = "Idempotency-Replayed"


class Unplayable(RuntimeError):
    """Something was answered that a phone could not go on with; the text says what."""


@dataclass(slots=True)
class Played:
    """What was answered: report and incident ids by the send's number, photos, and counts by line of the totals."""

    reports: dict[int, str] = field(default_factory=dict)
    incidents: dict[int, str] = field(default_factory=dict)
    photos: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    _known: defaultdict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    def note(self, number: int, report: str, incident: str) -> None:
        """That this send is stored."""
        self.reports[number], self.incidents[number] = report, incident
        self._known[number].set()

    async def incident(self, number: int) -> str:
        """The incident of a send, as soon as that is stored."""
        await self._known[number].wait()
        return self.incidents[number]


@dataclass(frozen=True, slots=True)
class Phone:
    """With its rider's login, for one send."""

    run: str
    token: str = field(repr=False)
    http: httpx2.AsyncClient
    what: Send
    played: Played

    async def upload(self, picture: Picture, raw: bytes) -> str | None:
        """The id of the stored photo, None if it was refused."""
        answer, _ = await self.ask("/v1/photos", files={"photo": ("photo", raw, picture.media_type)})
        if answer.status_code != HTTPStatus.CREATED:
            self.refused(answer.json())
            return None
        photo = str(answer.json()["photo_id"])
        self.played.photos.add(photo)
        return photo

    async def report(self, wish: Mapping[str, Any]) -> None:
        """Post it and note the answer. A replay counts where it was meant: after an attempt that failed it proves nothing."""
        answer, first = await self.ask("/v1/reports", json=wish)
        if answer.status_code != HTTPStatus.CREATED:
            return self.refused(answer.json())
        return self.told(answer.json(), replayed=first and REPLAYED in answer.headers)

    async def near(self) -> list[str]:
        """The incidents that its rider is shown before he reports."""
        fix, category = self.what.fix, self.what.subject.category
        what = {"scheme": category.scheme, "code": category.code, "crs": fix.crs}
        params = {**what, "lng": str(fix.lng), "lat": str(fix.lat), "accuracy_m": str(fix.accuracy_m)}
        for _ in range(TRIES):
            with suppress(httpx2.TransportError):
                answer = await self.http.get("/v1/incidents/nearby", params=params, headers=bearer(self.token))
                if answer.is_success:
                    return [one["incident_id"] for one in answer.json()["incidents"]]
            await asyncio.sleep(_WAIT_SECONDS)
        raise Unplayable(f"{self.what.way} {self.what.number}: not told what is near")

    async def lose(self, wish: Mapping[str, Any]) -> None:
        """Post it and let the connection go before the answer is read: it was carried out and nobody was told."""
        for _ in range(TRIES):
            async with self.http.stream("POST", "/v1/reports", json=wish, headers=bearer(self.token)) as answer:
                if answer.status_code == HTTPStatus.CREATED:
                    return
            await asyncio.sleep(_WAIT_SECONDS)
        raise Unplayable(f"{self.what.way} {self.what.number}: {answer.status_code}")

    async def ask(self, path: str, **content: Any) -> tuple[httpx2.Response, bool]:
        """Post until there is an answer, and whether it is the first attempt's. Whoever is told to wait waits."""
        for attempt in range(TRIES):
            wait = _WAIT_SECONDS
            try:
                answer = await self.http.post(path, headers=bearer(self.token), **content)
                if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS and not answer.is_server_error:
                    return answer, attempt == 0
                wait = float(answer.headers.get("Retry-After", wait))
            except httpx2.TransportError:
                pass  # away for a moment, or the answer was lost
            await asyncio.sleep(wait)
        raise Unplayable(f"{self.what.way} {self.what.number}: no answer after {TRIES} tries")

    def told(self, report: Mapping[str, Any], *, replayed: bool) -> None:
        """Note what a stored report is called."""
        self.played.note(self.what.number, report["report_id"], report["incident_id"])
        self.played.counts["replays"] += replayed

    def refused(self, problem: Mapping[str, Any]) -> None:
        """Note why something was not taken."""
        self.played.counts[f"refused:{problem['code']}"] += 1
