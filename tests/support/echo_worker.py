"""A real worker whose only business is to remember what it received: `python -m tests.support.echo_worker`.

`ECHO_SERVICE` names it, `ECHO_TOPICS` (department-updates topics, comma-separated) is what it listens to. SIGUSR1 breaks
the part of Faust that `ECHO_BREAK` names, for the watchdog to notice.
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from shared import logging
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.envelope import Message
from shared.kafka import faust_app
from shared.mongo.indexes import Collection
from shared.mongo.work import Ref, Work
from shared.runtime import Process, run
from shared.settings import KafkaSettings, Settings
from shared.worker import run_worker

ECHOES, ORDERS, SWITCHES = "echoes", "orders", "switches"
HEALTHY = "healthy"
POISON = "poison"
COLLECTIONS = (Collection(ECHOES), Collection(ORDERS), Collection(SWITCHES))


@dataclass(frozen=True, slots=True)
class Echo:
    """Counts how often an update took effect, and writes down in which order those of one work order did.

    A poisonous one fails until the switch `healthy` is there.
    """

    update: DepartmentUpdate

    def reads(self) -> Iterable[Ref]:
        return [Ref(ECHOES, self.update.update_id), Ref(ORDERS, self.update.order), Ref(SWITCHES, HEALTHY)]

    def decide(self, work: Work) -> None:
        if self.update.progress == POISON and work.get(SWITCHES, HEALTHY) is None:
            raise RuntimeError("this one cannot be handled yet")
        seen = work.get(ECHOES, self.update.update_id) or {"_id": self.update.update_id, "times": 0}
        work.put(ECHOES, {**seen, "times": seen["times"] + 1})
        order = work.get(ORDERS, self.update.order) or {"_id": self.update.order, "line": []}
        work.put(ORDERS, {**order, "line": [*order["line"], self.update.update_id]})


def _echo(message: Message) -> Echo:
    assert isinstance(message.data, DepartmentUpdate)
    return Echo(message.data)


async def _worker(process: Process) -> None:
    handlers = dict.fromkeys(os.environ["ECHO_TOPICS"].split(","), _echo)
    await run_worker(
        process,
        Settings(),
        KafkaSettings(),
        service=os.environ["ECHO_SERVICE"],
        reference_version="none",
        collections=COLLECTIONS,
        handlers=handlers,
    )


def _breakable(build: Callable[..., Any]) -> Callable[..., Any]:
    def built(*arguments: Any) -> Any:
        app = build(*arguments)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: loop.create_task(_break(app, os.environ["ECHO_BREAK"])))
        return app

    return built


async def _break(app: Any, part: str) -> None:
    error = RuntimeError("broken by the test")
    if part == "thread":
        ident = ctypes.c_ulong(app.consumer._thread._thread.ident)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(RuntimeError))
    else:
        await {"app": app, "consumer": app.consumer, "fetcher": app._fetcher}[part].crash(error)


if __name__ == "__main__":
    logging.configure(service=os.environ["ECHO_SERVICE"], entry="worker", level="INFO", fmt="json")
    faust_app.build = _breakable(faust_app.build)
    run(_worker)
