"""`qianshao invite` and intake's entry point behind it, as far as they need no database."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops import invite_command as ops_command
from ops.local import plan
from ops.local.state import REPOSITORY, State
from ops.look import CannotLook
from services.intake import invite_command

RUNNING: dict[str, Any] = {
    "front": "http://127.0.0.1:8081",
    "bootstrap": "127.0.0.1:9092",
    "kafka_passwords": {"ops": "o"},
    "mongo_uris": {name: f"mongodb://{name}:m@127.0.0.1:1/{name}?directConnection=true" for name in plan.services()},
    "ports": {"front": 8081, **{name: 20_000 + n for n, name in enumerate(plan.port_names(plan.services()))}},
}
REFERENCE = REPOSITORY / "deploy/reference/beidajie"
WORDS = ["--role", "administrator", "--subdistrict", "140302003", "--name", "张三"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    state = State.at(tmp_path / "state")
    (state.root / "running.json").write_text(json.dumps(RUNNING))
    state.passwords(["broker", *plan.services()])
    return state.root


def test_it_knows_what_the_running_intake_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QIANSHAO_SESSION_KEY", raising=False)
    monkeypatch.delenv("QIANSHAO_OPS_MONGO_URI", raising=False)
    monkeypatch.setenv("QIANSHAO_STATE", str(root))
    told = ops_command.environment_of_intake(REFERENCE)
    assert told["QIANSHAO_MONGO_URI"] == RUNNING["mongo_uris"]["intake"]
    assert told["QIANSHAO_PUBLIC_ORIGIN"] == "http://127.0.0.1:8081"
    assert not [name for name in told if "KAFKA" in name]
    monkeypatch.setenv("QIANSHAO_STATE", str(root.parent / "nowhere"))
    with pytest.raises(CannotLook):
        ops_command.environment_of_intake(REFERENCE)


def test_in_the_container_of_intake_its_own_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANSHAO_SESSION_KEY", "/run/secrets/session.pem")
    assert ops_command.environment_of_intake(REFERENCE)["QIANSHAO_SESSION_KEY"] == "/run/secrets/session.pem"


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--phone", "12"], "phone"),
        (["--subdistrict", "999999999"], "subdistrict"),
        (["--role", "staff", "--community", "nowhere"], "communities"),
        (["--role", "department", "--department", "nobody"], "department"),
    ],
)
def test_a_wrong_wish_is_named_before_anything_is_touched(
    more: list[str], word: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in plan.environment("intake", plan.API, ops_command.surroundings(root, REFERENCE)).items():
        monkeypatch.setenv(name, value)
    assert invite_command.invite([*WORDS, *more]) == 1
    assert word in capsys.readouterr().err


def test_a_wrong_call_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], [*WORDS, "--role", "emperor"]):
        with pytest.raises(SystemExit) as ended:
            invite_command.invite(words)
        assert ended.value.code == 2
