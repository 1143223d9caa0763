"""Sends a plan as phones would: photos first, at most so many at once, again until it is answered, each way in its own manner."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx2

from ops.simulate.behaviours import PICTURES, Way
from ops.simulate.doors import Doors, Until, bearer
from ops.simulate.people import People
from ops.simulate.pictures import taken
from ops.simulate.send import Plan, Send

AT_ONCE = 8
TRIES = 20
_WAIT_SECONDS = 0.5
_NO_PHOTO = "00000000-0000-5000-8000-000000000000"


class Unplayable(RuntimeError):
    """Something was answered that a phone could not go on with; the text says what."""


@dataclass(slots=True)
class Played:
    """What was answered: report and incident ids by the send's number, and counts by line of the totals."""

    reports: dict[int, str] = field(default_factory=dict)
    incidents: dict[int, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Player:
    """`run` makes keys and words of this time unlike those of any other; `clock` dates what is taken."""

    doors: Doors
    people: People
    run: str
    until: Until

    async def play(self, plan: Plan) -> Played:
        """All of it, each send at its moment. Raises `Unplayable`, `httpx2.HTTPError`."""
        played, gate = Played(), asyncio.Semaphore(AT_ONCE)
        async with httpx2.AsyncClient(base_url=self.doors.intake, timeout=30.0) as http, asyncio.TaskGroup() as group:
            for send in plan.sends:
                await self.until(send.at)
                group.create_task(self._within(gate, _Phone(self, http, send, played)))
        return played

    async def _within(self, gate: asyncio.Semaphore, phone: "_Phone") -> None:
        async with gate:
            await phone.send()


@dataclass(frozen=True, slots=True)
class _Phone:
    """One send with its rider's login."""

    player: Player
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
            self._note(await self._ask("/v1/reports", json=wish))

    async def _upload(self, index: int) -> str | None:
        picture = self.what.pictures[index]
        raw = await asyncio.to_thread(taken, picture, self.player.run)
        answer = await self._ask("/v1/photos", files={"photo": ("photo", raw, picture.media_type)})
        if answer.status_code != HTTPStatus.CREATED:
            self._refused(answer)
            return None
        self.played.counts["photos"] += "Idempotency-Replayed" not in answer.headers
        return str(answer.json()["photo_id"])

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
            "client_key": f"{self.player.run}-{what.number:05}",
            "category": {
                "scheme": what.subject.category.scheme,
                "code": what.subject.category.code,
                "condition": what.subject.condition.code,
            },
            "emergency": what.subject.emergency,
            "place": place,
            "text": words(self.player.run, what.number),
            "photo_ids": [_NO_PHOTO] if what.way is Way.NO_SUCH_PHOTO else photos,
            "captured_at": (datetime.now(UTC) - what.captured_before).isoformat(),
        }
        return {**wish, "rider_id": "someone-else"} if what.way is Way.SOMEONE_ELSE else wish

    async def _lose(self, wish: Mapping[str, Any]) -> None:
        """Send it, and let the connection go before the answer is read: it was carried out and nobody was told."""
        headers = bearer(self._token)
        for _ in range(TRIES):
            async with self.http.stream("POST", "/v1/reports", json=wish, headers=headers) as answer:
                if answer.status_code == HTTPStatus.CREATED:
                    return
            await asyncio.sleep(_WAIT_SECONDS)
        raise Unplayable(f"{self.what.way} {self.what.number}: {answer.status_code}")

    async def _ask(self, path: str, **content: Any) -> httpx2.Response:
        """Post until the answer is one. Whoever is told to wait waits; a house that is away is asked again."""
        for _ in range(TRIES):
            try:
                answer = await self.http.post(path, headers=bearer(self._token), **content)
            except httpx2.TransportError:
                await asyncio.sleep(_WAIT_SECONDS)
                continue
            if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS and not answer.is_server_error:
                return answer
            await asyncio.sleep(float(answer.headers.get("Retry-After", _WAIT_SECONDS)))
        raise Unplayable(f"{self.what.way} {self.what.number}: no answer after {TRIES} tries")

    def _note(self, answer: httpx2.Response) -> None:
        if answer.status_code != HTTPStatus.CREATED:
            return self._refused(answer)
        body = answer.json()
        self.played.reports[self.what.number] = body["report_id"]
        self.played.incidents[self.what.number] = body["incident_id"]
        self.played.counts["replays"] += "Idempotency-Replayed" in answer.headers
        return None

    def _refused(self, answer: httpx2.Response) -> None:
        self.played.counts[f"refused:{answer.json().get('code', answer.status_code)}"] += 1

    @property
    def _token(self) -> str:
        return self.player.people.tokens[self.what.rider]


def words(run: str, number: int) -> str:
    """What the rider writes: by it departments in this play know which report they mend."""
    return f"【模拟 {run} {number:05}】"


def number_in(text: str, run: str) -> int | None:
    """The number of the send that the words belong to, None if they are not of this run."""
    _, found, rest = text.partition(f"【模拟 {run} ")
    return int(rest[:5]) if found else None
