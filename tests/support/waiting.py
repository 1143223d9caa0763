"""Waiting for something to become true, with a bound and a name for what did not."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

Seen = TypeVar("Seen")


@overload
async def until(look: Callable[[], Coroutine[Any, Any, Seen]], seconds: float, what: str = "") -> Seen: ...
@overload
async def until(look: Callable[[], Seen], seconds: float, what: str = "") -> Seen: ...
async def until(look: Callable[[], Any], seconds: float, what: str = "") -> Any:
    """The first truthy answer of `look`, asked every 20 ms. Fails the test after `seconds`, with the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        seen = await answer if inspect.isawaitable(answer) else answer
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or look}; last seen: {seen!r}"
        await asyncio.sleep(0.02)
