"""Processes: ended within a deadline, restarted with back-off, and never left behind, whatever happens to the parent."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.local.process import Process, Program
from ops.local.supervisor import Backoff, NotReady, Supervisor, listens, until_ready
from tests.support.waiting import until

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)
FORKS = """
import os, time
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(600)
"""
PARENT = f"""
import asyncio, json, sys
from pathlib import Path
from ops.local.process import Process, Program

async def main():
    folder = Path(sys.argv[1])
    sleeps = Process(Program("sleeps", ("/bin/sleep", "600"), folder / "sleeps"))
    forks = Process(Program("forks", (sys.executable, "-c", {FORKS!r}), folder / "forks"))
    await sleeps.start()
    await forks.start()
    while not forks.tail().strip():
        await asyncio.sleep(0.01)
    print(json.dumps([sleeps.pid, forks.pid, int(forks.tail())]), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def python(name: str, code: str, folder: Path, **more: float) -> Process:
    argv = (sys.executable, "-c", code)
    return Process(Program(name, argv, folder / f"{name}.log", **more))  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def printed(process: Process) -> str:
    await until(lambda: bool(process.tail().strip()), 10)
    return process.tail().strip()


async def test_stop_is_polite_first(tmp_path: Path) -> None:
    process = Process(Program("sleep", ("/bin/sleep", "600"), tmp_path / "log"))
    await process.start()
    await until(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes(), 10)
    assert await process.stop() == -signal.SIGTERM
    assert not alive(process.pid)


async def test_a_process_that_ignores_sigterm_is_killed_at_its_deadline(tmp_path: Path) -> None:
    process = python("stubborn", STUBBORN, tmp_path, stop_seconds=0.3)
    await process.start()
    await printed(process)
    began = time.monotonic()
    assert await process.stop() == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - began < 5


async def test_a_frozen_process_is_killed_too(tmp_path: Path) -> None:
    process = python("frozen", STUBBORN, tmp_path, stop_seconds=0.3)
    await process.start()
    await printed(process)
    process.freeze()
    assert await process.stop() == -signal.SIGKILL


async def test_what_a_process_forked_ends_with_it(tmp_path: Path) -> None:
    process = python("forks", FORKS, tmp_path)
    await process.start()
    grandchild = int(await printed(process))
    assert alive(grandchild)
    await process.stop()
    await until(lambda: not alive(grandchild), 10)


async def test_kill_9_of_the_supervisor_leaves_neither_children_nor_their_children(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    children = json.loads(await asyncio.wait_for(parent.stdout.readline(), 20))
    assert all(map(alive, children))
    parent.kill()
    assert await parent.wait() == -9
    await until(lambda: not any(map(alive, children)), 10)


async def test_a_child_whose_parent_is_already_gone_does_not_start() -> None:
    tether = Path(__file__).parents[2] / "ops/local/tether.py"
    gone = str(os.getpid() + 1)  # not our pid, so not the parent of what we start
    command = [sys.executable, "-I", "-S", str(tether), gone, "/bin/echo", "started"]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert (result.returncode, result.stdout) == (1, b"")


async def test_a_child_inherits_nothing_that_is_not_in_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QIANSHAO_KAFKA_PASSWORD", "the parent's")
    program = Program("env", ("/usr/bin/env",), tmp_path / "log", env={"QIANSHAO_HTTP_PORT": "1"})
    process = Process(program)
    await process.start()
    assert await process.wait() == 0
    assert "QIANSHAO_HTTP_PORT=1" in process.tail(50)
    assert "PASSWORD" not in process.tail(50)


async def test_a_process_that_ends_is_started_again_and_it_is_reported(tmp_path: Path) -> None:
    reports: list[str] = []
    supervisor = Supervisor(reports.append, Backoff(0.05, 0.2))
    process = python("brief", "print('x', flush=True); raise SystemExit(75)", tmp_path)
    await process.start()
    supervisor.watch(process)
    await until(lambda: process.tail(50).count("x") >= 3, 10)
    await supervisor.stop()
    assert not process.running
    assert reports[0].startswith("brief ended with status 75, again in 0 s")


async def test_what_was_stopped_stays_stopped(tmp_path: Path) -> None:
    reports: list[str] = []
    supervisor = Supervisor(reports.append, Backoff(0.01, 0.01))
    process = python("steady", STUBBORN, tmp_path, stop_seconds=0.1)
    await process.start()
    supervisor.watch(process)
    await printed(process)
    pid = process.pid
    await supervisor.stop()
    assert process.pid == pid
    assert not process.running
    assert reports == []


def test_restarts_wait_from_1_to_30_seconds() -> None:
    assert [Backoff().after(n) for n in (1, 2, 3, 4, 5, 6, 7, 99)] == [1, 2, 4, 8, 16, 30, 30, 30]


async def test_a_process_that_dies_before_it_is_ready_is_named_with_its_last_words(tmp_path: Path) -> None:
    process = python("broken", "raise SystemExit('no such database')", tmp_path)
    await process.start()
    with pytest.raises(NotReady, match=r"(?s)broken ended with status 1.*no such database"):
        await until_ready(process, listens(1), 20.0)


async def test_a_process_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    process = python("slow", STUBBORN, tmp_path)
    await process.start()
    with pytest.raises(NotReady, match="slow is not ready after 0 s"):
        await until_ready(process, listens(1), 0.2)
    await process.kill()
