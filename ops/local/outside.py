"""The embedded stack seen from another terminal: who keeps it running, and which of its children is which."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_POLL_SECONDS = 0.1


class StillRunning(RuntimeError):
    """It was asked to end and has not, in time; the text names the process."""


def keeper(root: Path) -> int | None:
    """The process that holds the state folder; None when nobody does, whatever number an old lock file shows."""
    lock = root / "lock"
    try:
        pid = int(lock.read_text())
        held = any(file.samefile(lock) for file in (_PROC / str(pid) / "fd").iterdir() if file.exists())
    except (OSError, ValueError):
        return None
    return pid if held else None


def child(keeper_: int, *words: str) -> int | None:
    """The keeper's child whose command line ends with these words, if it runs."""
    for pid in _children(keeper_):
        with suppress(OSError):
            arguments = (_PROC / str(pid) / "cmdline").read_text().rstrip("\0").split("\0")
            if arguments[-len(words) :] == list(words):
                return pid
    return None


def environment(pid: int) -> dict[str, str]:
    """What the process was started with. Raises `OSError` if it is gone or not ours."""
    pairs = (_PROC / str(pid) / "environ").read_text().rstrip("\0").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def _children(parent: int) -> Iterator[int]:
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                # pid (name) state parent …: the name may hold blanks and brackets, so count from its end
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    yield int(folder.name)


def end(pid: int, gone: Callable[[], bool], seconds: float) -> None:
    """SIGTERM, then wait until `gone`. Raises `StillRunning` after `seconds`; never kills."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while not gone():
        if time.monotonic() > deadline:
            raise StillRunning(
                f"进程 process {pid} 在 {seconds:.0f} s 内未结束 has not ended: look at it, then kill {pid}"
            )
        time.sleep(_POLL_SECONDS)
