"""`./run`, `./test` and `.ci/run` before any Python of ours runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = ["run", "test", ".ci/run", "ops/local/environment.sh"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts themselves need, without a state folder."""
    root = tmp_path / "checkout"
    (root / "ops/local").mkdir(parents=True)
    for name in ("run", "test", "ops/local/environment.sh"):
        shutil.copy(REPOSITORY / name, root / name)
    for name in ("requirements-local.lock", "requirements-dev.lock"):
        (root / name).write_text("")
    return root


def call(checkout: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(checkout), **environment}
    return subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, check=False, timeout=60)


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_parse_and_are_executable_where_called(script: str) -> None:
    assert subprocess.run(["bash", "-n", script], cwd=REPOSITORY, check=False).returncode == 0
    assert os.access(REPOSITORY / script, os.X_OK) == (script != "ops/local/environment.sh")


def test_help_is_the_head_of_the_script(checkout: Path) -> None:
    assert "--reset" in call(checkout, "./run", "--help").stdout


def test_reset_empties_the_state_folder_whole(checkout: Path) -> None:
    state = checkout / ".qianshao"
    (state / "data/kafka").mkdir(parents=True)
    (state / "data/kafka/log").write_text("x")
    (state / ".hidden").write_text("x")
    result = call(checkout, "./run", "--reset")
    assert result.returncode == 0, result.stderr
    assert list(state.iterdir()) == []
    assert (checkout / "run").exists()


def test_reset_waits_for_nobody_who_still_runs(checkout: Path) -> None:
    state = checkout / ".qianshao"
    state.mkdir()
    (state / "lock").write_text("4711")
    result = call(checkout, "flock", str(state / "lock"), "./run", "--reset")
    assert result.returncode == 1
    assert "4711" in result.stderr
    assert (state / "lock").exists()


def test_a_folder_with_something_else_in_it_is_neither_used_nor_emptied(checkout: Path) -> None:
    documents = checkout / "documents"
    documents.mkdir()
    (documents / "thesis.txt").write_text("years of work")
    for argument in ("--reset", "--once"):
        result = call(checkout, "./run", argument, QIANSHAO_STATE=str(documents))
        assert result.returncode == 1
        assert "QIANSHAO_STATE" in result.stderr
    assert [file.name for file in documents.iterdir()] == ["thesis.txt"]


def test_without_ensurepip_and_pip_one_line_says_what_to_type(checkout: Path) -> None:
    shims = checkout / "bin"
    # Debian's python3 without python3-venv and python3-pip: it runs, but every `-m` fails.
    bare = 'case "$1" in -m) exit 1 ;; esac; exec /usr/bin/python3 "$@"'
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        program(shims, name, bare)
    result = call(checkout, "./run", PATH=f"{shims}:/usr/bin:/bin")
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert "apt-get install -y python3-venv" in result.stderr
    assert not (checkout / ".qianshao/venv").exists()


def test_a_shim_without_its_python_is_passed_over(checkout: Path) -> None:
    shims = checkout / "bin"
    # What pyenv puts on PATH for versions it does not hold.
    for name in ("python3.13", "python3.12", "python3.11"):
        program(shims, name, f"echo 'pyenv: {name}: command not found' >&2; exit 127")
    program(shims, "python3", "exit 127")
    script = "set -euo pipefail; source ops/local/environment.sh; find_python"
    result = call(checkout, "bash", "-c", script, PATH=f"{shims}:/usr/bin:/bin")
    assert result.stdout.strip() == "/usr/bin/python3", result.stderr


def test_an_old_python_is_passed_over(checkout: Path) -> None:
    shims = checkout / "bin"
    for name in ("python3.13", "python3.12", "python3.11"):
        program(shims, name, 'case "$2" in *version_info*) exit 1 ;; esac')  # as 3.10 answers the question
    program(shims, "python3", f'exec /usr/bin/python3 "$@" # {shims}')
    script = "set -euo pipefail; source ops/local/environment.sh; find_python"
    result = call(checkout, "bash", "-c", script, PATH=f"{shims}:/usr/bin:/bin")
    assert result.stdout.strip() == "python3", result.stderr


def test_what_was_interrupted_while_installing_is_made_anew(checkout: Path) -> None:
    state = checkout / ".qianshao"
    program_folder = state / "venv/bin"
    program_folder.mkdir(parents=True)
    program(program_folder, "python", "exit 0")
    script = "source ops/local/environment.sh; make_venv() { echo anew; exit 0; }; environment requirements-dev.lock"
    assert "anew" not in call(checkout, "bash", "-c", script).stdout
    (state / "installing").write_text("")
    assert call(checkout, "bash", "-c", script).stdout == "anew\n"
    assert not list(state.glob("*.installed"))
