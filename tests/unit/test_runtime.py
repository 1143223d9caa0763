"""The life of a process, in real ones: signals, the hard deadline, exit codes that tell a supervisor what to do."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.runtime import STOP_SECONDS, Process, main

ROOT = Path(__file__).parents[2]
SECONDS = 20.0


class Child:
    """A process under test and what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until(self, text: str) -> None:
        """Read until it has said this line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while text not in self.lines:
                line = await self._process.stdout.readline()
                assert line, f"ended before {text!r}: {self.lines}"
                self.lines.append(line.decode().rstrip("\n"))

    async def until_logged(self, event: str) -> None:
        """Read until it has logged this event."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while not any(f'"event": "{event}"' in line for line in self.lines):
                self.lines.append((await self._process.stdout.readline()).decode().rstrip("\n"))

    async def tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go on\n")
        await self._process.stdin.drain()

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """Its exit code, with all that it said."""
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            self.lines += (await self._process.stdout.read()).decode().splitlines()
            return await self._process.wait()

    @property
    def cleaned(self) -> list[str]:
        return [line.removeprefix("clean ") for line in self.lines if line.startswith("clean ")]

    def logged(self, event: str) -> dict[str, Any]:
        """The log line of that event."""
        logs = [json.loads(line) for line in self.lines if line.startswith("{")]
        found: dict[str, Any] = next(log for log in logs if log["event"] == event)
        return found


@asynccontextmanager
async def child(story: str, *more: str) -> AsyncIterator[Child]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.child",
        story,
        *more,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly_last_opened_first_closed(number: signal.Signals) -> None:
    async with child("lives") as one:
        await one.until("ready")
        one.signal(number)
        assert await one.end() == 0
        assert one.cleaned == ["last", "broken", "first"]
        assert one.logged("clean-up failed")["of"] == "broken"


async def test_a_signal_also_ends_what_is_still_starting() -> None:
    async with child("starts_for_ever") as one:
        await one.until("ready")
        one.signal()
        assert await one.end() == 0
        assert one.cleaned == ["first"]


async def test_a_second_signal_ends_it_at_once() -> None:
    async with child("cleans_for_ever") as one:
        await one.until("ready")
        one.signal()
        await one.until("clean endless")
        one.signal()
        assert await one.end() == 130


async def test_the_first_signal_during_a_fatal_end_is_not_a_second_one() -> None:
    """A supervisor that ends a process which is just giving up must still see why, and the clean-up must happen."""
    async with child("exhausted_and_slow_to_clean") as one:
        await one.until("ready")
        await one.tell()
        await one.until("clean slow")
        one.signal()
        await one.tell()
        assert await one.end() == 75


@pytest.mark.parametrize(("story", "code"), [("hangs_in_cleanup", 1), ("hangs_in_a_thread", 1)])
async def test_whatever_hangs_the_deadline_ends_it(story: str, code: int) -> None:
    async with child(story) as one:
        await one.until("ready")
        started = time.monotonic()
        one.signal()
        assert await one.end() == code
        assert time.monotonic() - started < 10


def test_the_deadline_lies_below_that_of_kubernetes() -> None:
    assert STOP_SECONDS < 30


async def test_what_cannot_start_cleans_up_and_exits_with_1() -> None:
    async with child("cannot_start") as one:
        assert await one.end() == 1
        assert one.cleaned == ["first"]
        assert "no database named anything" in one.logged("ending")["reason"]


@pytest.mark.parametrize(
    ("story", "code", "reason"),
    [
        ("task_ends", 1, "the task short ended"),
        ("task_fails", 1, "broken"),
        ("task_is_exhausted", 75, "no progress"),
    ],
)
async def test_a_task_that_ends_ends_the_process(story: str, code: int, reason: str) -> None:
    async with child(story) as one:
        await one.until("ready")
        await one.tell()
        assert await one.end() == code
        assert one.cleaned == ["first"]
        assert reason in one.logged("ending")["reason"]
        assert one.logged("ending")["exit"] == code


async def test_the_first_reason_counts() -> None:
    async with child("fatal_twice") as one:
        assert await one.end() == 75
        assert "no progress" in one.logged("ending")["reason"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_a_request_under_way_is_finished_before_the_end() -> None:
    port = free_port()
    async with child("serves", str(port)) as one, httpx2.AsyncClient(timeout=SECONDS) as client:
        await one.until("ready")
        asking = asyncio.create_task(eventually(lambda: client.get(f"http://127.0.0.1:{port}/slow")))
        await one.until("asked")
        one.signal()
        await one.until_logged("stopping")
        await one.tell()
        response = await asking
        assert (response.status_code, response.json()) == (200, "done")
        assert await one.end() == 0


async def eventually(ask: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
    """Ask until somebody listens."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                return await ask()
            except httpx2.ConnectError:
                await asyncio.sleep(0.02)


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with child("serves", str(port)) as one:
            assert await one.end() == 1
            assert f"cannot listen on 127.0.0.1:{port}" in one.logged("ending")["reason"]


@pytest.mark.parametrize("argv", [["x"], ["x", "help"], ["x", "api", "more"]])
def test_a_wrong_call_is_told_how_and_exits_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    async def unused(process: Process) -> None:
        raise AssertionError

    with pytest.raises(SystemExit) as ended:
        main("intake", argv, api=unused, worker=unused)
    assert ended.value.code == 2
    assert "python -m services.intake api|worker" in capsys.readouterr().err
