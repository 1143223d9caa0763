"""Plays a plan: each send at its moment, at most so many at once."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import httpx2

from ops.simulate.behaviours import Way
from ops.simulate.doors import Doors, Until
from ops.simulate.people import People
from ops.simulate.phone import Phone, Played
from ops.simulate.send import Plan, Send
from ops.simulate.ways import send

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Player:
    """`run` makes keys and words of this time unlike those of any other."""

    doors: Doors
    people: People
    run: str
    until: Until

    async def play(self, plan: Plan, played: Played) -> None:
        """All of it, noted in `played`. Raises `Unplayable` or `httpx2.HTTPError`, the first of several."""
        gate = asyncio.Semaphore(AT_ONCE)
        try:
            async with (
                httpx2.AsyncClient(base_url=self.doors.intake, timeout=30.0) as http,
                asyncio.TaskGroup() as group,
            ):
                for together in bursts(plan.sends):
                    await self.until(together[0].at)
                    phones = [Phone(self.run, self.people.tokens[one.rider], http, one, played) for one in together]
                    group.create_task(_within(gate, phones))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None


def bursts(sends: Iterable[Send]) -> list[list[Send]]:
    """What goes together: reports of one rider that waited for the same network, everything else alone."""
    found: dict[object, list[Send]] = {}
    for one in sends:
        key = (one.rider, one.at) if one.way is Way.OFFLINE else one.number
        found.setdefault(key, []).append(one)
    return list(found.values())


async def _within(gate: asyncio.Semaphore, phones: Sequence[Phone]) -> None:
    async with gate:
        await send(phones)
