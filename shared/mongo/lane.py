"""The commit lane: the one way by which anything changes, for HTTP commands and for events alike.

Commands wait in a queue. The lane takes whatever waits (no timer), loads the documents they declare, lets each decide in
turn over that state, and writes everything in one transaction. A durable commit costs some 2 ms whoever shares it, so
under load many commands share one; at idle a command travels alone and waits for nobody. Two commands of one process
never compete for a document.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from shared.errors import Refused, Unavailable
from shared.mongo.work import Command, Ref, Work, more_reads

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

MAX_BATCH = 50
MAX_QUEUE = 1_000
CONTENDED_TRIES = 5
MAX_LOOKS = 4
"""Loads of one batch before its further reads count as contended; two suffice unless another process adds to them."""

HTTP_SECONDS = 7.5
"""How long a caller waits; below the 8 s that HTTP answers promise."""


class Contended(Exception):
    """The transaction met another process's change; load and decide again."""


class Taken(Contended):
    """An id or unique value that the batch wanted to insert is there already.

    A rival's document shows up in the next load. What is still taken after that is the command's own mistake.
    """


class Further(Exception):
    """The documents loaded name others that must be loaded with them; nothing was decided yet."""

    def __init__(self, refs: list[Ref]) -> None:
        super().__init__(refs)
        self.refs = refs


class Transient(Exception):
    """The store is away or its answer to the commit is unknown; the same batch may be tried again."""


class Skipped(Exception):
    """An earlier command of the same line failed, so this one was not looked at."""


@dataclass(slots=True, eq=False)
class Line:
    """Commands that must keep their order, such as events of one key: once one has failed, those after it are skipped.

    A new one for every attempt; the lane marks it, so it also holds when its commands fall into different batches.
    """

    failed: bool = False


class Transactor(Protocol):
    """Where a lane commits. Raises `Contended`, `Transient`, or whatever is wrong with the batch itself."""

    async def transact(self, refs: Iterable[Ref], decide: Callable[[Work], None], seconds: float) -> None: ...


@dataclass(slots=True, eq=False)
class Waiting:
    """A command in the queue."""

    command: Command[Any]
    deadline: float
    line: Line | None
    future: asyncio.Future[Any]

    def answer(self, value: object) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def fail(self, error: BaseException) -> None:
        if self.line is not None:
            self.line.failed = True
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(slots=True)
class LaneStats:
    """Counters for metrics; plain integers so that the lane knows no metrics library."""

    batches: int = 0
    commands: int = 0
    contended: int = 0
    transient: int = 0
    split: int = 0


class Lane:
    """One queue, one transaction at a time. Run `run()` as a task; `submit` from anywhere on the same loop."""

    def __init__(
        self, store: Transactor, *, max_batch: int = MAX_BATCH, monotonic: Callable[[], float] = time.monotonic
    ):
        self._store = store
        self._max_batch = max_batch
        self._monotonic = monotonic
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(MAX_QUEUE)
        self.stats = LaneStats()

    async def submit(
        self, command: Command[Answer], *, line: Line | None = None, seconds: float = HTTP_SECONDS
    ) -> Answer:
        """Carry out `command` and return its answer once it is durable.

        Safe to cancel: the command is carried out all the same. Raises what `decide` raised, `Skipped`, or `Unavailable`
        when it was not decided in time (then it may or may not be carried out: repeat it under the same key).
        """
        waiting = Waiting(command, self._monotonic() + seconds, line, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Unavailable("too many commands are waiting") from None
        try:
            async with asyncio.timeout(seconds):
                answer: Answer = await asyncio.shield(waiting.future)
                return answer
        except TimeoutError:
            raise Unavailable("the database did not answer in time") from None
        finally:
            waiting.future.cancel()  # nobody listens any more; without effect once it is answered

    async def run(self) -> None:
        """Commit batch after batch until cancelled."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._max_batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            self.stats.batches += 1
            self.stats.commands += len(batch)
            await self._settle(batch)

    async def drain(self, seconds: float) -> None:
        """Wait until nothing is queued any more, at most `seconds`; for an orderly stop."""
        until = self._monotonic() + seconds
        while not self._queue.empty() and self._monotonic() < until:  # noqa: ASYNC110 - ends with the process
            await asyncio.sleep(0.01)

    async def _settle(self, batch: list[Waiting]) -> None:
        """Answer every command of the batch, splitting it as often as needed to find a culprit."""
        tries = 0
        while batch := self._alive(batch):
            tries += 1
            try:
                outcomes = await self._attempt(batch)
            except Contended as error:
                self.stats.contended += 1
                if tries >= CONTENDED_TRIES and len(batch) > 1:
                    return await self._split(batch)
                if tries >= CONTENDED_TRIES and isinstance(error, Taken):
                    return batch[0].fail(error)
            except Transient:
                self.stats.transient += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to one command of this batch
                if len(batch) > 1:
                    return await self._split(batch)
                return batch[0].fail(error)
            else:
                return _deliver(outcomes)
            await asyncio.sleep(random.uniform(0, min(3.0, 0.005 * 2**tries)))  # noqa: S311 - full jitter
        return None

    async def _split(self, batch: list[Waiting]) -> None:
        self.stats.split += 1
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])

    def _alive(self, batch: list[Waiting]) -> list[Waiting]:
        now = self._monotonic()
        for waiting in batch:
            if waiting.deadline <= now:
                waiting.fail(Unavailable("the database did not answer in time"))
        return [waiting for waiting in batch if waiting.deadline > now]

    async def _attempt(self, batch: list[Waiting]) -> list[tuple[Waiting, Any, bool]]:
        """One transaction, after a look at what it needs. Returns (command, answer or error, whether it succeeded)."""
        refs = dict.fromkeys(ref for waiting in batch for ref in waiting.command.reads())
        for _ in range(MAX_LOOKS):
            try:
                return await self._transact(batch, refs)
            except Further as found:
                refs.update(dict.fromkeys(found.refs))
        raise Contended

    async def _transact(self, batch: list[Waiting], refs: dict[Ref, None]) -> list[tuple[Waiting, Any, bool]]:
        outcomes: list[tuple[Waiting, Any, bool]] = []

        def decide(work: Work) -> None:
            further = [ref for waiting in batch for ref in more_reads(waiting.command, work) if ref not in refs]
            if further:
                raise Further(further)
            failed = {waiting.line for waiting in batch if waiting.line and waiting.line.failed}
            outcomes[:] = [_decide_one(waiting, work, failed) for waiting in batch]

        seconds = max(waiting.deadline for waiting in batch) - self._monotonic()
        await self._store.transact(refs, decide, min(5.0, max(seconds, 0.05)))
        return outcomes


def _decide_one(waiting: Waiting, work: Work, failed: set[Line]) -> tuple[Waiting, Any, bool]:
    if waiting.line in failed:
        return waiting, Skipped(), False
    work.begin()
    try:
        return waiting, waiting.command.decide(work), True
    except Exception as error:  # noqa: BLE001 - a command's mistake is its own answer, the others go on
        work.undo()
        if waiting.line is not None:
            failed.add(waiting.line)
        if not isinstance(error, Refused):
            log.warning("command failed", command=type(waiting.command).__name__, error=repr(error))
        return waiting, error, False


def _deliver(outcomes: list[tuple[Waiting, Any, bool]]) -> None:
    for waiting, value, succeeded in outcomes:
        if succeeded:
            waiting.answer(value)
        else:
            waiting.fail(value)
