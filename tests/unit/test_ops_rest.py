"""The small parts of `qianshao`: who keeps a stack, what a tail line says, what a new department is given."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from ops import departments
from ops.departments import CannotAdd
from ops.groups import Group
from ops.installation import Installation
from ops.local.outside import StillRunning, child, end, environment, keeper
from ops.local.state import REPOSITORY, State
from ops.look import CannotLook
from ops.main import app
from ops.processes import Seen, _told
from ops.status import Books, Status
from ops.tail import heard
from shared.reference.load import load
from shared.settings import KafkaSettings
from tests.support.deliveries import delivery, garbage

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
BOOKS = Books("intake", outbox=0, oldest_seconds=0.0, parked=0, held=0, dead_keys=0, letters=3, holder="host/1/x")
WELL = Status(NOW, [Seen("intake api", reference="a")], [BOOKS], [Group("intake.v1", "stable", 1, {})], {}, [])
SLEEP = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()", "told", "apart"]


def started(arguments: list[str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"QIANSHAO_X": "1=2"}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_whoever_holds_the_lock_keeps_the_folder_and_nobody_else_does(tmp_path: Path) -> None:
    state = State.at(tmp_path / "state")
    assert keeper(state.root) is None
    lock = state.lock()
    assert keeper(state.root) == os.getpid()
    os.close(lock)
    assert keeper(state.root) is None  # the number is still in the file, and even names a living process


def test_a_child_is_known_by_its_words_and_ends_when_asked() -> None:
    process = started(SLEEP)
    try:
        assert child(os.getpid(), "told", "apart") == process.pid
        assert child(os.getpid(), "told") is None
        assert environment(process.pid) == {"QIANSHAO_X": "1=2"}
        end(process.pid, lambda: process.poll() is not None, 20.0)
        assert process.returncode == -15
    finally:
        process.kill()
        process.communicate()


def test_what_does_not_end_is_named_and_not_killed() -> None:
    with pytest.raises(StillRunning, match="kill 999999999"):
        end(999999999, lambda: False, 0.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"processes": [Seen("intake api", {"database": "no primary"})]}, "intake api: database: no primary"),
        ({"processes": [Seen("a api", reference="1"), Seen("b api", reference="2")]}, "1, 2"),
        ({"processes": [Seen("a worker", breakers=("t",))]}, "breaker open: t"),
        ({"books": [replace(BOOKS, holder="")]}, "lease"),
        ({"books": [replace(BOOKS, oldest_seconds=61.0)]}, "61 s"),
        ({"books": [replace(BOOKS, parked=2)]}, "2"),
        ({"groups": [Group("intake.v1", "empty", 0, {})]}, "intake.v1"),
        ({"away": ["MongoDB does not answer"]}, "MongoDB"),
    ],
)
def test_status_names_what_is_wrong(change: dict[str, object], words: str) -> None:
    assert WELL.wrong == []
    found = replace(WELL, **change).wrong  # type: ignore[arg-type]
    assert [words in sentence for sentence in found] == [True]


def test_a_departments_group_without_members_is_no_fault_of_ours() -> None:
    assert replace(WELL, groups=[Group("dept.fire.v1", "empty", 0, {})]).wrong == []


def test_metrics_tell_reference_relay_and_breakers() -> None:
    exposition = (
        'qianshao_process_info{entry="worker",reference="9bad",service="intake"} 1.0\n'
        "# TYPE qianshao_relay_active gauge\nqianshao_relay_active 0.0\n"
        "# TYPE qianshao_consumer_breaker_open gauge\n"
        'qianshao_consumer_breaker_open{topic="a"} 1.0\nqianshao_consumer_breaker_open{topic="b"} 0.0\n'
    )
    assert _told(exposition) == {"reference": "9bad", "relay_active": False, "breakers": ("a",)}


def record(topic: str, one: object) -> SimpleNamespace:
    parts = ("partition", "offset", "key", "headers", "value")
    return SimpleNamespace(topic=topic, timestamp=1764057600123, **{name: getattr(one, name) for name in parts})


def test_a_tail_line_says_when_where_what_and_how() -> None:
    one = heard(record("incident-changed", delivery("inc-1", 3)))
    start = "08:00:00.123  incident-changed  incident.changed.v1  inc-1  #3  kind=state code=7K3M-9QXA to_state=triaged"
    assert one.line() == f"{start} reason=3"
    assert (one.about("inc-1"), one.about("7K3M-9QXA"), one.about("inc-2")) == (True, True, False)
    assert one.whole()["data"]["to_state"] == "triaged"
    assert heard(record("incident-changed.dlq", delivery("inc-1"))).message is not None


def test_what_a_department_says_of_an_order_is_about_its_incident() -> None:
    said = heard(record("department-updates.fire", replace(garbage(), key=b"inc-1.2")))
    assert (said.about("inc-1"), said.about("inc-1.2"), said.about("inc")) == (True, True, False)


def test_what_cannot_be_read_is_shown_as_it_is() -> None:
    one = heard(record("incident-changed", garbage()))
    assert "undecodable" in one.line()
    assert one.whole()["value_hex"] == b"\x00garbage".hex()


def test_a_new_departments_password_is_made_once_and_the_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"ops": "x"}))
    file.chmod(0o644)
    first = departments.passwords("fire", file)
    assert departments.passwords("fire", file) == first
    assert (first["ops"], len(first["dept.fire"])) == ("x", 48)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    with pytest.raises(CannotAdd, match=r"missing\.json"):
        departments.passwords("fire", tmp_path / "missing.json")


def test_a_client_file_holds_all_that_the_kit_reads_and_is_private(tmp_path: Path) -> None:
    broker = KafkaSettings(bootstrap="kafka:9092", username="broker", password=SecretStr("secret"))
    file = tmp_path / "out" / "fire.env"
    departments.write_client("fire", "hers", broker, file)
    told = subprocess.run(["bash", "-c", f". {file}; env"], capture_output=True, text=True, check=True).stdout
    assert {"KAFKA_BOOTSTRAP=kafka:9092", "KAFKA_USERNAME=dept.fire", "KAFKA_PASSWORD=hers"} <= set(told.splitlines())
    assert "secret" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_dispatchs_worker_is_restarted_first_and_only_what_is_outdated() -> None:
    names = ["points api", "intake worker", "dispatch api", "dispatch worker"]
    seen = [*(Seen(name, reference="old") for name in names), Seen("notify api", reference="123456789012")]
    wanted = ["dispatch worker", "dispatch api", "intake worker", "points api"]
    assert departments.outdated(seen, "1234567890123456") == wanted
    assert departments.by_hand(wanted[:2])[0] == "docker compose restart dispatch-worker dispatch-api"


def test_a_department_that_the_reference_data_do_not_know_is_refused() -> None:
    folder = REPOSITORY / "deploy/reference/beidajie"
    reference = load(folder)
    departments.check("fire", reference, folder)
    with pytest.raises(CannotAdd, match=r"firemen.*departments\.yaml"):
        departments.check("firemen", reference, folder)


def test_an_installation_is_known_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "QIANSHAO_OPS_MONGO_URI": "mongodb://ops:x@mongo/?replicaSet=rs0",
        "QIANSHAO_OPS_PROCESSES": '{"intake api": "http://intake-api:8000"}',
        "QIANSHAO_OPS_SUPERUSER_PASSWORD": "y",
        "QIANSHAO_KAFKA_BOOTSTRAP": "kafka:9092",
        "QIANSHAO_KAFKA_USERNAME": "ops",
        "QIANSHAO_KAFKA_PASSWORD": "z",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    found = Installation.known()
    assert (found.root, found.processes) == (None, {"intake api": "http://intake-api:8000"})
    assert found.superuser is not None
    assert (found.superuser.username, found.access.kafka.username) == ("broker", "ops")
    assert "x@mongo" not in repr(found)
    monkeypatch.setenv("QIANSHAO_OPS_PROCESSES", "[]")
    with pytest.raises(CannotLook, match="processes"):
        Installation.known()


def test_down_finds_nothing_to_stop(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["down", "-o", "json"], env={"QIANSHAO_STATE": str(tmp_path)})
    assert (result.exit_code, json.loads(result.stdout)["stopped"]) == (0, None)


@pytest.mark.parametrize("command", ["status", "doctor", "tail", "down", "dlq", "departments", "topics", "check"])
def test_every_command_is_there_and_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "·" in result.stdout


def test_the_shell_completes_commands() -> None:
    asked = {"_QIANSHAO_COMPLETE": "complete_bash", "COMP_WORDS": "./qianshao do", "COMP_CWORD": "1"}
    answer = subprocess.run(
        [sys.executable, "-m", "ops.main"], env={**os.environ, **asked}, cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.stdout.split() == ["down", "doctor"]


@pytest.mark.parametrize(
    "words", [["dlq", "drop", "a/0/1"], ["dlq", "drop", "a/0/1", "--reason", " "], ["departments", "add"]]
)
def test_a_wrong_call_is_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2
