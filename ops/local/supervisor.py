"""Keeps processes running: whoever ends without being asked is started again, later each time; all stop together."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ops.local.process import Process

_STEADY_SECONDS = 60.0
_POLL_SECONDS = 0.05

Ready = Callable[[], Awaitable[bool]]
"""Whether a process does its work by now."""

Report = Callable[[str], None]
"""Gets a sentence for people whenever a process ends without being asked to."""


class NotReady(RuntimeError):
    """A process did not come up; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before restart number 1, 2, …; counts anew after a minute of steady running."""

    first: float = 1.0
    most: float = 30.0

    def after(self, failures: int) -> float:
        """Doubles from `first` up to `most`. `failures` begins at 1."""
        return min(self.most, self.first * 2.0 ** min(failures - 1, 10))


class Supervisor:
    """Watches over running processes until `stop`."""

    def __init__(self, report: Report, backoff: Backoff | None = None) -> None:
        self._report = report
        self._backoff = backoff or Backoff()
        self._watched: list[tuple[Process, asyncio.Task[None]]] = []

    def watch(self, process: Process) -> None:
        """From now on restart it when it ends."""
        self._watched.append((process, asyncio.create_task(self._watch(process))))

    async def stop(self) -> None:
        """End all at once, each within its own deadline."""
        tasks = [task for _, task in self._watched]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process, _ in self._watched))
        self._watched.clear()

    async def _watch(self, process: Process) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            status = await process.wait()
            process.sweep()
            failures = 1 if time.monotonic() - began > _STEADY_SECONDS else failures + 1
            pause = self._backoff.after(failures)
            self._report(f"{process.name} ended with status {status}, again in {pause:.0f} s: {process.program.log}")
            await asyncio.sleep(pause)
            await process.start()


async def until_ready(process: Process, ready: Ready, seconds: float) -> None:
    """Ask again and again. Raises `NotReady` after `seconds`, or as soon as the process has ended."""
    deadline = time.monotonic() + seconds
    while not await ready():
        if not process.running:
            raise NotReady(_complaint(process, f"ended with status {process.returncode}"))
        if time.monotonic() > deadline:
            raise NotReady(_complaint(process, f"is not ready after {seconds:.0f} s"))
        await asyncio.sleep(_POLL_SECONDS)


def _complaint(process: Process, what: str) -> str:
    return f"{process.name} {what}; the end of {process.program.log}:\n{process.tail()}"


def listens(port: int) -> Ready:
    """Ready as soon as the port accepts a connection."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return ready


def answers(port: int, path: str) -> Ready:
    """Ready as soon as GET `path` is answered with 200 within 2 s."""
    # By hand: an HTTP client costs more processor time than all else here, asked 20 times a second by everyone at once.
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()

    async def ready() -> bool:
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request)
                status = await reader.readline()
                writer.close()
        except (OSError, ValueError):
            return False
        return b" 200 " in status

    return ready
