"""A real process with `shared.runtime` in it, for tests of signals and exit codes. Run as `python -m tests.support.child <story>`.

It says `ready` when its story has begun, and goes on at certain points only when it is sent a line.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI

from shared import logging, runtime
from shared.runtime import Process, serve_http


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def told() -> None:
    """Wait for a line from the test, without a thread that would outlive the loop."""
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin, heard.set)
    await heard.wait()
    loop.remove_reader(sys.stdin)
    sys.stdin.readline()


def cleanup(name: str, then: Callable[[], Awaitable[None]] | None = None) -> Callable[[], Awaitable[None]]:
    async def clean() -> None:
        say(f"clean {name}")
        if then is not None:
            await then()

    return clean


async def forever() -> None:
    await asyncio.Event().wait()


def exhausted() -> Exception:
    from shared.kafka.agents import Exhausted  # slow to import, and few stories need it

    return Exhausted("no progress")


async def fail(error: Exception) -> None:
    await told()
    raise error


async def lives(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    process.on_stop("broken", cleanup("broken", lambda: 1 / 0))  # type: ignore[arg-type,return-value]
    process.on_stop("last", cleanup("last"))
    process.spawn("forever", forever())


async def starts_for_ever(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    say("ready")
    await forever()


async def cannot_start(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    raise ValueError("no database named anything")


async def task_ends(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    process.spawn("forever", forever())
    process.spawn("short", told())


async def task_fails(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    process.spawn("failing", fail(ValueError("broken")))


async def task_is_exhausted(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    process.spawn("failing", fail(exhausted()))


async def fatal_twice(process: Process) -> None:
    process.on_stop("first", cleanup("first"))
    process.spawn("forever", forever())
    process.fatal(exhausted())
    process.fatal(ValueError("too late"))


async def exhausted_and_slow_to_clean(process: Process) -> None:
    process.on_stop("slow", cleanup("slow", told))
    process.spawn("failing", fail(exhausted()))


async def cleans_for_ever(process: Process) -> None:
    process.on_stop("endless", cleanup("endless", forever))
    process.spawn("forever", forever())


async def hangs_in_cleanup(process: Process) -> None:
    async def hang() -> None:
        time.sleep(60)  # noqa: ASYNC251 - a client library that blocks the loop

    runtime.STOP_SECONDS = 0.5
    process.on_stop("hanging", cleanup("hanging", hang))
    process.spawn("forever", forever())


async def hangs_in_a_thread(process: Process) -> None:
    runtime.STOP_SECONDS = 0.5
    process.spawn("thread", asyncio.to_thread(time.sleep, 60))


async def serves(process: Process) -> None:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        say("asked")
        await told()
        return "done"

    serve_http(process, app, "127.0.0.1", int(sys.argv[2]))


STORIES: dict[str, Callable[[Process], Awaitable[None]]] = {
    story.__name__: story
    for story in (
        lives,
        starts_for_ever,
        cannot_start,
        task_ends,
        task_fails,
        task_is_exhausted,
        fatal_twice,
        exhausted_and_slow_to_clean,
        cleans_for_ever,
        hangs_in_cleanup,
        hangs_in_a_thread,
        serves,
    )
}


async def begin(process: Process) -> None:
    await STORIES[sys.argv[1]](process)
    say("ready")


if __name__ == "__main__":
    logging.configure(service="child", entry=sys.argv[1], level="INFO", fmt="json")
    runtime.run(begin)
