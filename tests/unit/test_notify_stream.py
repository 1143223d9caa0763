"""How often a stream asks the store: a thousand of them do."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from services.notify.domain.audiences import Reach
from services.notify.domain.message import Copy, Message
from services.notify.ports import Standing
from services.notify.stream import PAGE, Doorbell, follow
from tests.support.fakes.wire import START

REACH = Reach("rider-1", "rider:1", frozenset({"rider:1"}))


class Counted:
    """An inbox with these numbers, read as the store reads it. `asked`: after which number, each time."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.asked: list[int] = []

    async def page(self, reach: Reach, audience: str, after: int, limit: int) -> list[tuple[Copy, Message]]:
        self.asked.append(after)
        found = [number for number in self.numbers if after < number <= after + limit]
        if not found and (later := [number for number in self.numbers if number > after]):
            found = [number for number in self.numbers if number < later[0] + limit and number >= later[0]]
        return [(Copy(audience, number, START), cast(Message, None)) for number in found]

    async def standing(self, reach: Reach, audience: str) -> Standing:
        return Standing(0, 0)


def started(inbox: Counted, doorbell: Doorbell, after: int = 0) -> AsyncIterator[tuple[Copy, Any]]:
    doorbell.tested(True)
    return follow(inbox, doorbell, REACH, "rider:1", after)


async def heard(stream: AsyncIterator[tuple[Copy, Any]], count: int) -> list[int]:
    async with asyncio.timeout(10):
        return [(await anext(stream))[0].sequence for _ in range(count)]


async def test_one_message_is_one_question() -> None:
    inbox = Counted(1)

    class Prompt(Doorbell):
        """The next message comes as soon as the stream waits for it."""

        async def wait(self, bell: asyncio.Event) -> None:
            inbox.numbers.append(inbox.numbers[-1] + 1)

    assert await heard(started(inbox, Prompt()), 5) == [1, 2, 3, 4, 5]
    assert inbox.asked == [0, 1, 2, 3, 4]


async def test_what_stands_there_already_comes_whole_though_its_beginning_was_removed() -> None:
    for first in (1, 2, 31, PAGE, PAGE + 1, 3 * PAGE):
        inbox, doorbell = Counted(*range(first, 400)), Doorbell()
        assert await heard(started(inbox, doorbell), 400 - first) == list(range(first, 400))


async def test_a_message_that_comes_while_a_page_is_sent_is_not_left_until_later() -> None:
    inbox, doorbell = Counted(1), Doorbell()
    stream = started(inbox, doorbell)
    assert await heard(stream, 1) == [1]
    inbox.numbers.append(2)
    doorbell.ring("rider:1")  # between the page and the wait
    assert await heard(stream, 1) == [2]
