"""The embedded stack's own ground: programs, jars, ports, and that nobody else can read its folder."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.installation import RUNNING
from ops.local import jars, toolchain
from ops.local.outside import keeper
from ops.local.state import State, is_free

PRIVATE = (RUNNING, "passwords.json", "ports.json")
FREE_BYTES = 2 * 1024**3
"""Kafka's and MongoDB's journals roll in segments of up to 1 GB each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, and what to type."""

    what: str
    fix: str


def faults(root: Path) -> list[Fault]:
    """Everything that is wrong with this state folder and its programs; reads all jars (0.05 s)."""
    return [*_programs(root), *_keeper(root), *_ports(root), *_rights(root), *_space(root)]


def _programs(root: Path) -> Iterator[Fault]:
    try:
        toolchain.find(root / "lib")
    except toolchain.ToolMissing as error:
        yield Fault(str(error), "./run")
    for jar, reason in jars.faults(jars.listed(jars.LIST.read_text()), State.at(root).jars).items():
        yield Fault(f"{jar.file}: {reason}", f"rm {root / 'jars' / jar.file} && ./run")


def _keeper(root: Path) -> Iterator[Fault]:
    if keeper(root) is None:
        yield Fault(f"无人持有 nobody runs {root}: what is left of it nobody restarts", "./run")


def _ports(root: Path) -> Iterator[Fault]:
    for name, port in json.loads((root / RUNNING).read_text())["ports"].items():
        if is_free(port):
            yield Fault(f"端口 port {port} ({name}): nothing listens", f"tail {root / 'logs'}/*.log")


def _rights(root: Path) -> Iterator[Fault]:
    for path in [root, root / "keys", *(root / name for name in PRIVATE), *sorted((root / "keys").iterdir())]:
        if path.exists() and path.stat().st_mode & 0o077:
            yield Fault(f"{path}: 他人可读 others may read it", f"chmod go= {path}")
        if path.exists() and path.stat().st_uid != os.geteuid():
            yield Fault(f"{path}: 属于他人 belongs to user {path.stat().st_uid}", "以该用户运行 run as that user")


def _space(root: Path) -> Iterator[Fault]:
    free = shutil.disk_usage(root).free
    if free < FREE_BYTES:
        yield Fault(f"{root}: 磁盘仅余 only {free / 1024**3:.1f} GB free", "腾出空间 make room, or ./run --reset")
