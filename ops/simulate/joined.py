"""Things that a second rider has joined: whoever mends them does not begin before the desk knows of both."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from ops.simulate.doors import Doors, bearer
from ops.simulate.people import People
from ops.simulate.phone import Played
from ops.simulate.send import Send

_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Joined:
    """`seconds`: who joins, by the number of the send that was first.

    Departments of a played day are done within a second of an order; without this the thing would be mended while the
    second rider still takes his photo, and the day's totals would hang on who is quicker.
    """

    doors: Doors
    people: People
    played: Played
    seconds: Mapping[int, Send]

    async def heard(self, number: int) -> None:
        """Returns at once if nobody joins this send, else when dispatch names the second rider as well."""
        second = self.seconds.get(number)
        if second is None:
            return
        incident, rider = await self.played.incident(second.number), self.people.riders[second.rider]
        headers = bearer(self.doors.staff)
        async with httpx2.AsyncClient(base_url=self.doors.dispatch, headers=headers, timeout=30.0) as http:
            while True:
                if rider in await _reporters(http, incident):
                    return
                await asyncio.sleep(_AGAIN_SECONDS)


async def _reporters(http: httpx2.AsyncClient, incident: str) -> list[str]:
    try:
        answer = await http.get(f"/v1/incidents/{incident}")
    except httpx2.TransportError:
        return []
    return list(answer.json()["reporters"]) if answer.is_success else []
