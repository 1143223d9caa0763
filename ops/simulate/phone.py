"""One send as a phone does it: photos first, again until it is answered, each way in its own manner."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx2

from ops.simulate.behaviours import PICTURES, Way
from ops.simulate.doors import bearer
from ops.simulate.pictures import taken
from ops.simulate.send import Send
from ops.simulate.words import words

TRIES = 20
_WAIT_SECONDS = 0.5
_NO_PHOTO = "00000000-0000-5000-8000-000000000000"


class Unplayable(RuntimeError):
    """Something was answered that a phone could not go on with; the text says what."""


@dataclass(slots=True)
class Played:
    """What was answered: report and incident ids by the send's number, photos, and counts by line of the totals."""

    reports: dict[int, str] = field(default_factory=dict)
    photos: set[str] = field(default_factory=set)
    incidents: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Phone:
    """One send with its rider's login."""

    run: str
    token: str = field(repr=False)
    http: httpx2.AsyncClient
    what: Send
    played: Played

    async def send(self) -> None:
        photos = [await self._upload(index) for index in range(len(self.what.pictures))]
        if self.what.way in PICTURES:
            return
        wish = self._wish([photo for photo in photos if photo])
        if self.what.way is Way.LOST:
            await self._lose(wish)
        for _ in range(2 if self.what.way is Way.TWICE else 1):
            self._note(*await self._ask("/v1/reports", json=wish))

    async def _upload(self, index: int) -> str | None:
        picture = self.what.pictures[index]
        raw = await asyncio.to_thread(taken, picture, self.run)
        answer, _ = await self._ask("/v1/photos", files={"photo": ("photo", raw, picture.media_type)})
        if answer.status_code != HTTPStatus.CREATED:
            self._refused(answer)
            return None
        photo = str(answer.json()["photo_id"])
        self.played.photos.add(photo)
        return photo

    def _wish(self, photos: list[str]) -> dict[str, Any]:
        what, fix = self.what, self.what.fix
        place = {
            "lng": fix.lng,
            "lat": fix.lat,
            "crs": fix.crs,
            "accuracy_m": fix.accuracy_m,
            "address": what.spot.micro_grid,
        }
        if what.way is Way.NO_CRS:
            del place["crs"]
        wish: dict[str, Any] = {
            "client_key": f"{self.run}-{what.number:05}",
            "category": {
                "scheme": what.subject.category.scheme,
                "code": what.subject.category.code,
                "condition": what.subject.condition.code,
            },
            "emergency": what.subject.emergency,
            "place": place,
            "text": words(self.run, what.number),
            "photo_ids": [_NO_PHOTO] if what.way is Way.NO_SUCH_PHOTO else photos,
            "captured_at": (datetime.now(UTC) - what.captured_before).isoformat(),
        }
        return {**wish, "rider_id": "someone-else"} if what.way is Way.SOMEONE_ELSE else wish

    async def _lose(self, wish: Mapping[str, Any]) -> None:
        """Send it, and let the connection go before the answer is read: it was carried out and nobody was told."""
        headers = bearer(self.token)
        for _ in range(TRIES):
            async with self.http.stream("POST", "/v1/reports", json=wish, headers=headers) as answer:
                if answer.status_code == HTTPStatus.CREATED:
                    return
            await asyncio.sleep(_WAIT_SECONDS)
        raise Unplayable(f"{self.what.way} {self.what.number}: {answer.status_code}")

    async def _ask(self, path: str, **content: Any) -> tuple[httpx2.Response, bool]:
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

    def _note(self, answer: httpx2.Response, first: bool) -> None:
        """A replay counts where it was meant: after an attempt that failed by itself it proves nothing."""
        if answer.status_code != HTTPStatus.CREATED:
            return self._refused(answer)
        body = answer.json()
        self.played.reports[self.what.number] = body["report_id"]
        self.played.incidents[self.what.number] = body["incident_id"]
        self.played.counts["replays"] += first and "Idempotency-Replayed" in answer.headers
        return None

    def _refused(self, answer: httpx2.Response) -> None:
        self.played.counts[f"refused:{answer.json().get('code', answer.status_code)}"] += 1
