"""One child process: started in a group of its own, logged to a file, ended by pid within a deadline."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_TETHER = Path(__file__).with_name("tether.py")
_GUARDIAN = Path(__file__).with_name("guardian.py")
_LOG_BYTES = 16 * 1024 * 1024
# What a child may know of the shell that started it. Anything else must be in its table: plan.py.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: absolute program path and arguments, its whole environment, the file its output goes to."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stop_seconds: float = 15.0


class Process:
    """A program that runs or does not. `start` after `stop` or `kill` runs it again, with the same settings."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        """Raises `RuntimeError` when never started."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs or before its first start; -9 after SIGKILL."""
        return self._child.returncode if self._child else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Start it, unless it runs. It and all it starts die with this process: see tether.py and guardian.py."""
        if self.running:
            return
        _rotate(self.program.log)
        with self.program.log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), *self.program.argv),
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | dict(self.program.env),
                cwd=self.program.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops us in order
            )
        _tell_guardian(f"+{self._child.pid}")

    async def stop(self) -> int | None:
        """SIGTERM, then SIGKILL after the program's deadline; returns the exit status."""
        if self.running:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.wait(), self.program.stop_seconds)
            except TimeoutError:
                return await self.kill()
        self.sweep()
        return self.returncode

    async def kill(self) -> int | None:
        """SIGKILL to the whole group at once; returns the exit status, -9 if it was still running."""
        self.sweep()
        return await self.wait()

    def freeze(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._signal(signal.SIGCONT)

    async def wait(self) -> int | None:
        """Wait for its end; returns the exit status at once when it does not run."""
        return await self._child.wait() if self._child else None

    def sweep(self) -> None:
        """SIGKILL to whatever is left of the group: pool workers of a process that died do not notice by themselves."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            _tell_guardian(f"-{self._child.pid}")

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def tail(self, lines: int = 8, columns: int = 400) -> str:
        """The last lines of its log, for a message to people."""
        if not self.program.log.exists():
            return ""
        last = self.program.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(line[:columns] for line in last)


def _tell_guardian(line: str) -> None:
    pipe = _guardian(os.getpid()).stdin
    assert pipe is not None
    with suppress(BrokenPipeError):  # somebody killed it: the tether still holds
        pipe.write(line.encode() + b"\n")
        pipe.flush()


@cache
def _guardian(_owner: int) -> "subprocess.Popen[bytes]":
    """One for each process that starts others, from its first start on."""
    command = [sys.executable, "-I", "-S", str(_GUARDIAN)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
