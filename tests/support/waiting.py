"""Waiting for something to become true, with a bound and a name for what did not."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar, overload

from ops.local.process import Process

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


def freeze(process: Process) -> None:
    """SIGSTOP, and return once no thread of it runs any more: the signal alone lets one finish an answer."""
    process.freeze()
    deadline = time.monotonic() + 5
    while not all(_is_stopped(stat) for stat in Path(f"/proc/{process.pid}/task").glob("*/stat")):
        assert time.monotonic() < deadline, f"{process.name} does not stop"
        time.sleep(0.001)


def _is_stopped(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:  # a thread that has just ended
        return True
