"""Every check of the doctor, red on one fault and silent without it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.doctor import machine, stores
from ops.doctor.examine import CHECKS, examine, faulty
from ops.doctor.facts import Facts
from ops.doctor.finding import Level
from ops.doctor.stores import Store
from ops.doctor.transport import deaf
from ops.groups import Bus, Group
from ops.local.state import REPOSITORY, State
from ops.processes import Seen, skew_of
from ops.status import Books
from shared.contracts.topics import dispatch_topic
from shared.kafka.admin import Acl, Diff
from shared.reference.departments import Department
from shared.reference.load import load

REFERENCE = load(REPOSITORY / "deploy/reference/beidajie")
VERSION = REFERENCE.version[:12]
BOOKS = Books("intake", outbox=0, oldest_seconds=0.0, parked=0, held=0, dead_keys=0, letters=0, holder="host/1/x")
STORE = Store("intake", primary=True, disk_free=0.5, skew=0.0, books=BOOKS)
API, WORKER = Seen("intake api", reference=VERSION), Seen("intake worker", reference=VERSION, relay_active=True)
BUS = Bus({"intake.v1": Group("intake.v1", "stable", 1, {})}, {})
WELL = Facts(
    embedded=True,
    logs="logs",
    services=("intake",),
    reference=REFERENCE,
    seen=[API, WORKER],
    stores=[STORE],
    bus=BUS,
    rights=Diff(),
    machine=[],
    keys=None,
)


def test_a_healthy_installation_has_one_ok_for_each_check() -> None:
    found = examine(WELL)
    assert [one.check for one in found] == list(CHECKS)
    assert {one.level for one in found} == {Level.OK}
    assert not faulty(found)


FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a jar is wrong": ("machine", {"machine": [machine.Fault("x.jar: missing", "./run")]}, "x.jar"),
    "reference data are wrong": ("reference", {"reference": "points.yaml: missing"}, "points.yaml"),
    "a process decides by others": ("reference", {"seen": [API, replace(WORKER, reference="older")]}, "older"),
    "a demo key": ("keys", {"embedded": False, "keys": "demo-access-1: a demo's key"}, "demo-access-1"),
    "a database is away": ("mongodb", {"stores": [Store("intake", away="refused")]}, "refused"),
    "no primary": ("mongodb", {"stores": [replace(STORE, primary=False)]}, "primary"),
    "an index is missing": ("indexes", {"stores": [replace(STORE, missing=("reports.of_rider",))]}, "reports.of_rider"),
    "the disk is full": ("disk", {"stores": [replace(STORE, disk_free=0.01)]}, "1%"),
    "Kafka is away": ("kafka", {"bus": "no broker"}, "no broker"),
    "a group without members": (
        "kafka",
        {"bus": Bus({"intake.v1": Group("intake.v1", "empty", 0, {})}, {})},
        "intake.v1",
    ),
    "a group that is not there": ("kafka", {"bus": Bus({}, {})}, "intake.v1"),
    "a topic is missing": ("topics", {"rights": Diff(create=(dispatch_topic("fire"),))}, "dispatch.fire"),
    "a right too many": (
        "topics",
        {"rights": Diff(revoke=(Acl("dept.x", "topic", "literal", "t", "read"),))},
        "dept.x",
    ),
    "the super user is refused": ("topics", {"rights": "refuses broker"}, "refuses"),
    "a process is down": ("processes", {"seen": [API, Seen("intake worker", {"process": "refused"})]}, "intake worker"),
    "a clock is fast": ("clocks", {"seen": [replace(API, skew=9.0), WORKER]}, "+9 s"),
    "the database's clock is slow": ("clocks", {"stores": [replace(STORE, skew=-9.0)]}, "-9 s"),
    "two relays": ("relays", {"seen": [WORKER, replace(WORKER, name="intake worker 2")]}, "intake worker 2"),
    "no relay": ("relays", {"stores": [replace(STORE, books=replace(BOOKS, holder=""))]}, "nobody"),
    "a breaker is open": ("breakers", {"seen": [replace(WORKER, breakers=("incident-changed",))]}, "incident-changed"),
    "the outbox is stuck": ("work", {"stores": [replace(STORE, books=replace(BOOKS, oldest_seconds=61.0))]}, "61 s"),
    "a row is parked": ("work", {"stores": [replace(STORE, books=replace(BOOKS, parked=1))]}, "never"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check_and_says_how_to_mend_it(name: str) -> None:
    check, change, words = FAULTS[name]
    found = [one for one in examine(replace(WELL, **change)) if one.check == check]
    assert [(one.level, words in one.what) for one in found] == [(Level.FAULT, True)]
    assert found[0].fix
    assert faulty(found)


def test_open_letters_are_work_and_no_fault() -> None:
    found = examine(replace(WELL, stores=[replace(STORE, books=replace(BOOKS, letters=2, dead_keys=1))]))
    assert [(one.check, one.level) for one in found if one.level is not Level.OK] == [("work", Level.WARNING)]
    assert not faulty(found)


def test_what_nobody_told_us_of_is_skipped_and_says_which_variable_is_missing() -> None:
    found = examine(replace(WELL, embedded=False, machine=None, rights=None, seen=[]))
    skipped = {one.check: one.fix for one in found if one.level is Level.SKIPPED}
    assert skipped["topics"] == "QIANSHAO_OPS_SUPERUSER_PASSWORD"
    assert (skipped["processes"], skipped["keys"]) == ("QIANSHAO_OPS_PROCESSES", "QIANSHAO_JWKS")


FIRE = Department(code="fire", zh="消防救援", en="Fire", contact="topic")
READ = {"dispatch.fire": 3}


@pytest.mark.parametrize(
    ("groups", "held", "words"),
    [
        ([], 3, "never read"),
        ([Group("dept.firewall.x", "stable", 1, READ)], 3, "never read"),
        ([Group("dept.fire.desk", "empty", 0, READ)], 3, "3 messages wait"),
        ([Group("dept.fire.desk", "empty", 0, {"dispatch.fire": 0})], 3, None),
        ([Group("dept.fire.desk", "stable", 1, READ)], 3, None),
        ([], 0, None),
    ],
)
def test_a_deaf_department_is_one_whose_orders_nobody_reads(groups: list[Group], held: int, words: str | None) -> None:
    reason = deaf(FIRE, Bus({group.name: group for group in groups}, {"dispatch.fire": held}))
    assert (reason is None) if words is None else (reason is not None and words in reason)


def test_a_department_that_works_on_the_inbox_page_needs_no_reader() -> None:
    assert deaf(FIRE.model_copy(update={"contact": "inbox"}), Bus({}, {"dispatch.fire": 3})) is None


def test_a_reader_that_does_not_move_is_deaf_by_the_age_of_what_waits() -> None:
    bus = Bus({**BUS.groups, "dept.fire.desk": Group("dept.fire.desk", "stable", 1, READ)}, {"dispatch.fire": 3})
    silent = replace(STORE, deaf={"fire": "3 unread, oldest 20 min"})
    (found,) = [one for one in examine(replace(WELL, bus=bus, stores=[silent])) if one.check == "departments"]
    assert (found.level, "oldest 20 min" in found.what) == (Level.WARNING, True)
    (found,) = [one for one in examine(replace(WELL, bus=bus)) if one.check == "departments"]
    assert found.level is Level.OK


def test_deafness_is_a_fault_only_where_departments_are_connected() -> None:
    bus = Bus(BUS.groups, {"dispatch.fire": 1})
    assert not faulty(examine(replace(WELL, bus=bus)))
    assert faulty(examine(replace(WELL, bus=bus, embedded=False, keys="")))


def test_only_what_is_surely_wrong_with_a_clock_counts() -> None:
    asked = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    answered = asked + timedelta(seconds=5)
    assert skew_of(asked + timedelta(seconds=3), asked, answered) == 0
    assert skew_of(asked + timedelta(seconds=8), asked, answered) == 3
    assert skew_of(asked - timedelta(seconds=2), asked, answered) == -2


def test_a_folder_that_others_may_read_is_named(tmp_path: Any) -> None:
    root = State.at(tmp_path / "state").root
    assert list(machine._rights(root)) == []
    root.chmod(0o755)
    assert [fault.fix for fault in machine._rights(root)] == [f"chmod go= {root}"]


def test_every_services_collections_are_known() -> None:
    assert {"reports", "statuses"} <= {collection.name for collection in stores.collections_of("intake")}
