"""Plays a plan: each send at its moment, at most so many at once."""

import asyncio
from dataclasses import dataclass

import httpx2

from ops.simulate.doors import Doors, Until
from ops.simulate.people import People
from ops.simulate.phone import Phone, Played
from ops.simulate.send import Plan

AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Player:
    """`run` makes keys and words of this time unlike those of any other."""

    doors: Doors
    people: People
    run: str
    until: Until

    async def play(self, plan: Plan) -> Played:
        """All of it. Raises `Unplayable` or `httpx2.HTTPError`, the first of several."""
        played, gate = Played(), asyncio.Semaphore(AT_ONCE)
        try:
            async with (
                httpx2.AsyncClient(base_url=self.doors.intake, timeout=30.0) as http,
                asyncio.TaskGroup() as group,
            ):
                for send in plan.sends:
                    await self.until(send.at)
                    phone = Phone(self.run, self.people.tokens[send.rider], http, send, played)
                    group.create_task(_within(gate, phone))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return played


async def _within(gate: asyncio.Semaphore, phone: Phone) -> None:
    async with gate:
        await phone.send()
