"""The simulated department: shares by seed, and what it says to which message at which moment."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.simulate.__main__ import login_of, main
from kit.simulate.behaviour import Behaviour, Course, Range
from kit.simulate.desk import Desk
from shared.contracts.department_update import DepartmentUpdate

NOW = datetime(2026, 11, 25, 1, 40, tzinfo=UTC)
PROMPT = Behaviour(Range(5, 5), Range(60, 60))


def told(kind: str, seq: int, state: str, order: str = "inc.1", **fields: Any) -> dict[str, Any]:
    work_order = {"state": state, "photo_required": True}
    return {
        "kind": kind,
        "order": order,
        "seq": seq,
        "subdistrict": "140302003",
        "work_order": work_order,
        "reason_code": None,
        **fields,
    }


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def kinds(desk: Desk, now: datetime) -> list[tuple[str, int]]:
    return [(wish.kind, wish.known.seq) for wish in desk.due(now)]


def test_shares_are_as_wanted_and_the_same_order_fares_the_same_under_one_seed() -> None:
    behaviour = Behaviour(Range(5, 60), Range(60, 600), returns=0.2, silent=0.1, seed=7)
    fates = {f"inc-{number}.1": behaviour.of(f"inc-{number}.1") for number in range(2000)}
    counted = Counter(fate.course for fate in fates.values())
    assert 340 <= counted[Course.RETURNS] <= 460
    assert 150 <= counted[Course.SILENT] <= 250
    assert all(timedelta(seconds=5) <= fate.answer_after <= timedelta(seconds=60) for fate in fates.values())
    assert len({fate.done_after for fate in fates.values()}) > 1900
    assert {order: behaviour.of(order) for order in fates} == fates
    other = Behaviour(Range(5, 60), Range(60, 600), returns=0.2, silent=0.1, seed=8)
    assert {order: other.of(order) for order in fates} != fates


def test_it_accepts_and_is_done_at_its_time_and_says_each_once() -> None:
    desk = Desk(PROMPT)
    desk.hear(told("offer", 1, "offered"), NOW)
    assert kinds(desk, after(4)) == []
    (wish,) = desk.due(after(5))
    desk.note(wish)
    assert kinds(desk, after(50)) == []
    desk.hear(told("ack", 2, "accepted"), after(6))
    assert kinds(desk, after(65)) == []
    assert kinds(desk, after(66)) == [("done", 2)]
    desk.hear(told("ack", 3, "done"), after(67))
    assert kinds(desk, after(9999)) == []


def test_what_it_says_is_what_the_contract_wants_and_counts_once_when_said_again() -> None:
    desk = Desk(Behaviour(Range(5, 5), Range(60, 60), returns=1.0))
    desk.hear(told("offer", 1, "offered"), NOW)
    (wish,) = desk.due(after(5))
    update = DepartmentUpdate.model_validate(wish.update(1, NOW, []))
    assert (update.kind, update.seen_seq, bool(update.reason)) == ("returned", 1, True)
    again = Desk(desk.behaviour)
    again.hear(told("offer", 1, "offered"), NOW)
    assert again.due(after(5))[0].update(1, after(9), [])["update_id"] == update.update_id
    long = Desk(PROMPT)
    long.hear(told("offer", 1, "offered", order="i" * 60 + ".1"), NOW)
    assert len(long.due(after(5))[0].update(1, NOW, [])["update_id"]) == 64


def test_a_reminder_does_not_put_the_answer_off_and_is_what_the_answer_has_seen() -> None:
    desk = Desk(PROMPT)
    desk.hear(told("offer", 1, "offered"), NOW)
    desk.hear(told("reminder", 2, "offered"), after(4))
    assert kinds(desk, after(5)) == [("accepted", 2)]
    desk.hear(told("offer", 1, "offered"), after(5))  # a repetition
    assert kinds(desk, after(5)) == [("accepted", 2)]


def test_silence_withdrawals_and_refusals_end_it_and_a_stale_update_is_decided_again() -> None:
    silent = Desk(Behaviour(Range(0, 0), Range(0, 0), silent=1.0))
    silent.hear(told("offer", 1, "offered"), NOW)
    assert kinds(silent, after(9999)) == []
    desk = Desk(PROMPT)
    desk.hear(told("offer", 1, "offered"), NOW)
    desk.note(desk.due(after(5))[0])
    desk.hear(told("refused", 2, "offered", reason_code="stale"), after(6))
    assert kinds(desk, after(7)) == [("accepted", 2)]
    desk.hear(told("refused", 3, "offered", reason_code="not_allowed"), after(8))
    assert kinds(desk, after(9999)) == []
    desk.hear(told("withdraw", 4, "withdrawn"), after(9))
    assert kinds(desk, after(9999)) == []
    desk.hear(told("reopen", 5, "offered"), after(100))
    assert kinds(desk, after(104)) == []
    assert kinds(desk, after(105)) == [("accepted", 5)]
    desk.hear({"kind": "refused", "order": "other.1", "seq": 1, "reason_code": "unknown_order"}, after(9))
    assert set(desk.orders) == {"inc.1"}


@pytest.mark.parametrize(
    "arguments",
    [["--accept-after", "9..5"], ["--done-after", "soon"], ["--returns", "0.7", "--silent", "0.7"], []],
)
def test_what_cannot_be_played_is_said_before_anything_is_sent(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("KAFKA_BOOTSTRAP", "KAFKA_USERNAME", "KAFKA_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert arguments or "KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD: not set" in capsys.readouterr().err


def test_nobody_but_a_department_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"KAFKA_BOOTSTRAP": "127.0.0.1:9", "KAFKA_USERNAME": "dispatch", "KAFKA_PASSWORD": "x"}
    with pytest.raises(ValueError, match="no department's login"):
        login_of(environment, None)
    assert login_of({**environment, "KAFKA_USERNAME": "dept.fire"}, None).security == "SASL_SSL"
