"""The one folder in which the embedded stack keeps what it makes: jars, data, ports, passwords, keys, logs."""

import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 20_000
_PREFERRED = {"front": 8080}


def state_folder() -> Path:
    """`.qianshao` in the repository, unless `QIANSHAO_STATE` names another."""
    return Path(os.environ.get("QIANSHAO_STATE") or REPOSITORY / ".qianshao")


class InUse(RuntimeError):
    """Another process runs on this state folder."""


@dataclass(frozen=True, slots=True)
class State:
    """Paths below one folder. `jars` may belong to another state folder: they are the same for all."""

    root: Path
    jars: Path

    @classmethod
    def at(cls, root: Path, jars: Path | None = None) -> "State":
        """The folder at `root`, made if absent and readable by its owner alone."""
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("data", "logs", "keys"):
            (root / name).mkdir(exist_ok=True, mode=0o700)
        return cls(root.resolve(), (jars or root / "jars").resolve())

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    def ports(self, names: Iterable[str], free: Callable[[int], bool] | None = None) -> dict[str, int]:
        """A port for each name, the one of last time unless something else listens there by now."""
        file = self.root / "ports.json"
        kept: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        chosen = choose_ports(names, kept, free or is_free)
        write_private(file, {**kept, **chosen})
        return chosen

    def passwords(self, names: Iterable[str]) -> dict[str, str]:
        """A random password for each name, made once per state folder; hexadecimal, so that no format needs to quote it."""
        file = self.root / "passwords.json"
        kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        wanted = {name: kept.get(name) or secrets.token_hex(24) for name in names}
        write_private(file, {**kept, **wanted})
        return wanted

    def lock(self) -> int:
        """Hold the folder until the returned descriptor is closed or this process ends. Raises `InUse`."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise InUse(f"{self.root} is in use by process {holder}; stop that one or set QIANSHAO_STATE") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor


def choose_ports(names: Iterable[str], kept: dict[str, int], free: Callable[[int], bool]) -> dict[str, int]:
    """Keep what is still free; new ones lie below the ephemeral range, where no outgoing connection can take them."""
    highest = int(_EPHEMERAL.read_text().split()[0]) if _EPHEMERAL.exists() else 32_768
    candidates = list(range(_LOWEST_PORT, highest)) if highest > _LOWEST_PORT + 1_000 else list(range(5_000, 9_000))
    random.shuffle(candidates)
    taken = set(kept.values())
    chosen: dict[str, int] = {}
    for name in names:
        wishes = [port for port in (kept.get(name), _PREFERRED.get(name)) if port]
        others = (port for port in candidates if port not in taken)
        chosen[name] = next(port for port in [*wishes, *others] if port not in chosen.values() and free(port))
        taken.add(chosen[name])
    return chosen


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # Servers set this too: a connection that is still closing does not hold their port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write_private(file: Path, content: Any) -> None:
    """Replace a file whole, readable by its owner alone; `content` is text, or anything JSON can say."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(file)
