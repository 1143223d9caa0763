"""A new department: topics, user, password and rights, the file its client logs in with, and processes that know of it."""

import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ops import processes, topics
from ops.groups import login
from ops.installation import RUNNING
from ops.local import outside, plan
from ops.local.state import write_private
from ops.processes import Seen
from shared.clock import Clock
from shared.contracts.topics import DEPARTMENT, all_topics, department_updates_topic, dispatch_topic
from shared.kafka.admin import Diff, Wanted
from shared.reference.reference import Reference
from shared.settings import KafkaSettings

RECONCILE_SECONDS = 120.0
RESTART_SECONDS = 120.0
"""A worker ends within 20 s, is started a second later and has joined its group some seconds after that."""

_POLL_SECONDS = 0.2


class CannotAdd(RuntimeError):
    """The department cannot be added; the text says what to do first."""


def check(code: str, reference: Reference, folder: Path) -> None:
    """Raises `CannotAdd` unless the reference data know the department: without it nothing is routed there."""
    if code not in reference.departments:
        known = ", ".join(sorted(name for name in reference.departments if not name.startswith("community-")))
        raise CannotAdd(
            f"{code}: 参考数据中没有 not in the reference data: add it to {folder / 'departments.yaml'} first (known: {known})"
        )


def check_running(root: Path, folder: Path) -> None:
    """Raises `CannotAdd` if the embedded stack reads its reference data elsewhere: restarted, it would know no more."""
    keeper = outside.keeper(root)
    worker = outside.child(keeper, "-m", "services.dispatch", plan.WORKER) if keeper else None
    if worker is None:
        raise CannotAdd(f"{root}: dispatch worker 未运行 does not run: ./run first")
    used = Path(outside.environment(worker)["QIANSHAO_REFERENCE"])
    if not used.samefile(folder):
        raise CannotAdd(
            f"{folder}: 运行中的系统读的是 the running stack reads {used}: add the department there, or "
            f"`qianshao down` and `qianshao up --reference {folder}`"
        )


def passwords(code: str, file: Path) -> dict[str, str]:
    """The passwords by user out of a JSON file; the department's is made and put in if it has none yet.

    The file keeps its mode: others may have to read it. Raises `CannotAdd`.
    """
    try:
        known: dict[str, str] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CannotAdd(f"{file}: 读不出口令 no passwords can be read: {error}") from None
    if DEPARTMENT + code not in known:
        known[DEPARTMENT + code] = secrets.token_hex(24)
        mode = file.stat().st_mode & 0o777
        write_private(file, known)
        file.chmod(mode)
    return known


def declare(superuser: KafkaSettings, reference: Reference, known: Mapping[str, str], replication: int) -> Diff:
    """What the contract wants of the broker and is not there; takes no right away. Raises `CannotAdd`."""
    wanted = Wanted.of(all_topics(reference.departments), replication, max(1, replication - 1))
    try:
        admin = topics.connect(login(superuser))
        # who adds a department does not expect another to lose its rights: that is for `topics apply` to do
        wanted = replace(wanted, acls=wanted.acls | topics.read(admin).acls)
        return topics.reconcile(admin, wanted, known, seconds=RECONCILE_SECONDS)
    except (topics.BrokerAway, topics.Conflicted) as error:
        raise CannotAdd(f"{error} → qianshao topics plan") from None
    except KeyError as error:
        raise CannotAdd(f"没有用户 {error} 的口令 no password for that user in the file: add it too") from None


def write_client(code: str, secret: str, broker: KafkaSettings, file: Path) -> None:
    """What the department's client needs to log in, for `source`; readable by its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    values = {
        "KAFKA_BOOTSTRAP": broker.bootstrap,
        "KAFKA_USERNAME": DEPARTMENT + code,
        "KAFKA_PASSWORD": secret,
        "KAFKA_SECURITY": broker.security,
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_READ_TOPIC": dispatch_topic(code).name,
        "KAFKA_WRITE_TOPIC": department_updates_topic(code).name,
        "KAFKA_GROUP": f"{DEPARTMENT}{code}.subscriber",
    }
    head = "# 前哨 Qianshao: docs/department-guide.md. Groups must begin with the user name and a dot.\n"
    ca = "# SASL_SSL: trust kafka-ca.pem, which comes with this file.\n" if broker.security == "SASL_SSL" else ""
    write_private(file, head + ca + "".join(f"export {name}={value}\n" for name, value in values.items()))


def tell_running(root: Path, code: str, secret: str) -> None:
    """Put the new login into the embedded stack's `running.json`, which holds them all."""
    told = json.loads((root / RUNNING).read_text())
    told["kafka_passwords"][DEPARTMENT + code] = secret
    write_private(root / RUNNING, told)


def outdated(seen: list[Seen], version: str) -> list[str]:
    """The processes that decide by other reference data than `version`, dispatch's worker first: it subscribes to the
    departments' topics when it starts. Others route or show by the department's name and need it next.
    """
    names = [one.name for one in seen if one.reference != version[:12]]
    return sorted(names, key=lambda name: (name != "dispatch worker", not name.startswith("dispatch"), name))


async def restart(root: Path, names: list[str], urls: Mapping[str, str], clock: Clock) -> None:
    """One after the other: SIGTERM, the supervisor starts it again, wait until it is ready. Raises `CannotAdd`."""
    keeper = outside.keeper(root)
    if keeper is None:
        raise CannotAdd(f"{root}: 已停止 has been stopped meanwhile: ./run starts everything with the new department")
    for name in names:
        await _restart_one(keeper, name, urls[name], clock)


async def _restart_one(keeper: int, name: str, url: str, clock: Clock) -> None:
    words = ("-m", f"services.{name.split()[0]}", name.split()[1])
    before = outside.child(keeper, *words)
    if before is not None:
        await asyncio.to_thread(outside.end, before, lambda: outside.child(keeper, *words) != before, RESTART_SECONDS)
    deadline = time.monotonic() + RESTART_SECONDS
    while time.monotonic() < deadline:
        seen = (await processes.ask_all({name: url}, clock))[0]
        if seen.ready and outside.child(keeper, *words) not in (None, before):
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise CannotAdd(f"{name} 未就绪 is not ready again after {RESTART_SECONDS:.0f} s → qianshao doctor")


def by_hand(names: list[str]) -> list[str]:
    """What to type where processes are not ours to restart."""
    apps = [name.replace(" ", "-") for name in names or [f"dispatch {plan.WORKER}"]]
    compose = "docker compose restart " + " ".join(apps)
    k8s = "kubectl -n qianshao rollout restart " + " ".join(f"deploy/{app}" for app in apps)
    return [compose, k8s]


def default_client(code: str, root: Path | None) -> Path:
    """Where the client's file goes unless told otherwise."""
    return (root / "departments" if root else Path(os.curdir)) / f"{code}.env"
