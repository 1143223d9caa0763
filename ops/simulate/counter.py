"""The counter of a home when a played day ends: pieces come, riders reserve and show their code, staff hand out."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx2

from ops.simulate.doors import Doors, bearer
from ops.simulate.people import People
from ops.simulate.phone import TRIES, Unplayable
from ops.simulate.prizes import Handout
from ops.simulate.totals import Totals

_AGAIN_SECONDS = 0.5
_REASON = "模拟：爱心商户赞助 simulated: a sponsor pays"


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation, and what its rider had before it and then."""

    id: str
    token: str = field(repr=False)
    before: int
    then: int


@dataclass(frozen=True, slots=True)
class _Counter:
    """`run` makes keys of this time unlike those of any other."""

    http: httpx2.AsyncClient
    staff: str = field(repr=False)
    run: str
    what: Handout

    async def supply(self) -> None:
        """As many pieces as are wished for and points to pay for them, so that a day can be played as often as one likes."""
        home = f"/v1/homes/{self.what.home}"
        pieces = {"client_key": f"{self.run}-pieces", "kind": "delivery", "pieces": self.what.wishes}
        _body(await self.ask(self.staff, "POST", f"{home}/stock", {**pieces, "prize": self.what.prize}))
        period = _body(await self.ask(self.staff, "GET", f"{home}/account"))["period"]
        paid = {"period": period, "points": self.what.wishes * self.what.points, "reason": _REASON}
        _body(await self.ask(self.staff, "POST", f"{home}/budget", {**paid, "client_key": f"{self.run}-budget"}))

    async def reserve(self, rider: int, token: str) -> Held | None:
        """None if this rider may have no more of it."""
        before = await self.balance(token)
        wish = {"home": self.what.home, "prize": self.what.prize, "client_key": f"{self.run}-prize-{rider:05}"}
        answer = await self.ask(token, "POST", "/v1/redemptions", wish)
        if answer.status_code == HTTPStatus.CONFLICT:
            return None
        return Held(_body(answer)["redemption"], token, before, await self.balance(token))

    async def cancel(self, held: Held) -> None:
        _body(await self.ask(held.token, "POST", f"/v1/redemptions/{held.id}/cancel", {}))

    async def pick_up(self, held: Held, *, scanned: bool) -> None:
        """Shown the QR code, or its 8 digits are typed."""
        shown = _body(await self.ask(held.token, "GET", f"/v1/redemptions/{held.id}/token"))
        proof = {"token": shown["token"]} if scanned else {"code": shown["code"], "home": shown["home"]}
        _body(await self.ask(self.staff, "POST", "/v1/redemptions/pickup", proof))

    async def told(self, held: Held) -> Totals:
        """What staff see of it, and what its rider's passbook says."""
        seen = _body(await self.ask(self.staff, "GET", f"/v1/redemptions/{held.id}"))
        now = await self.balance(held.token)
        points = {"points_held": held.before - held.then, "points_spent": held.before - now}
        states = {f"prizes_{line['state']}": 1 for line in seen["lines"]}
        return {**states, **points, "points_returned": now - held.then}

    async def balance(self, token: str) -> int:
        return int(_body(await self.ask(token, "GET", "/v1/passbook"))["balance"])

    async def ask(self, token: str, method: str, path: str, wish: Any = None) -> httpx2.Response:
        """Asked until there is an answer; every wish here is one that may be repeated, or is refused the second time."""
        for _ in range(TRIES):
            try:
                answer = await self.http.request(method, path, json=wish, headers=bearer(token))
                if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS and not answer.is_server_error:
                    return answer
            except httpx2.TransportError:
                pass  # away for a moment, or the answer was lost
            await asyncio.sleep(_AGAIN_SECONDS)
        raise Unplayable(f"{method} {path}: no answer after {TRIES} tries")


async def hand_out(doors: Doors, people: People, run: str, what: Handout) -> Totals:
    """All of it, one after the other as at a counter; the lines of the account as they are then. Raises `Unplayable`."""
    found: Counter[str] = Counter()
    async with httpx2.AsyncClient(base_url=doors.points, timeout=30.0) as http:
        counter = _Counter(http, doors.staff, run, what)
        await counter.supply()
        held = await _reserved(counter, people)
        for one in held[: what.cancelled]:
            await counter.cancel(one)
        for number, one in enumerate(held[what.cancelled :]):
            await counter.pick_up(one, scanned=number % 2 == 0)
        for one in held:
            found.update(await counter.told(one))
    return found


async def _reserved(counter: _Counter, people: People) -> list[Held]:
    held: list[Held] = []
    for rider in counter.what.riders:
        if len(held) < counter.what.wishes and (one := await counter.reserve(rider, people.tokens[rider])):
            held.append(one)
    return held


def _body(answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise Unplayable(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return dict(answer.json())
