"""The only consume loop. Faust delivers; this decides what becomes of each delivery and when it is acknowledged.

No exception but cancellation leaves the loop, because Faust acknowledges whatever an agent failed on. Bytes are
decoded here, because Faust acknowledges what it cannot decode ahead of what it has only buffered. Acknowledgements are
explicit, in order, after the commit.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from shared.clock import Clock
from shared.contracts.envelope import Malformed, Message, decode
from shared.crash import crash_point
from shared.errors import Unavailable
from shared.kafka.breaker import Breaker
from shared.mongo.dead_letters import Bury, Verdict
from shared.mongo.inbox import Broken, Delivery, Handle, Receive, Received, held_id
from shared.mongo.lane import Lane, Line, Skipped
from shared.mongo.retry import COMMIT_SECONDS, Hold
from shared.mongo.veil import BeingForgotten

log = structlog.get_logger(__name__)

MAX_WAITING = 50
"""Deliveries taken from Faust and not yet acknowledged: also the most that a kill -9 repeats."""

_STOPPED_SECONDS = 1.0
"""How often a stopped topic lets go of what it holds; below Faust's patience with a rebalance by far."""

GIVE_UP_SECONDS = 45.0
"""After this long of transient failure of one delivery the process ends with it unacknowledged, for its supervisor to restart."""


class Exhausted(Exception):
    """Transient trouble outlasted `GIVE_UP_SECONDS`: end the process (exit 75) and let another try."""


class Stream(Protocol):
    """What we use of a Faust stream."""

    def events(self) -> AsyncIterator[Any]: ...
    def noack(self) -> "Stream": ...
    async def ack(self, event: Any) -> bool: ...


@dataclass(slots=True)
class ConsumerStats:
    """For metrics and the watchdog."""

    done: int = 0
    duplicate: int = 0
    held: int = 0
    dead: int = 0
    transient: int = 0
    progressed_at: float = 0.0
    busy_since: float | None = None


@dataclass(slots=True, eq=False)
class _Pending:
    delivery: Delivery
    message: Message | None
    malformed: Malformed | None
    counted: bool = False


class Consumer:
    """Consumes one topic for one service: each delivery is done once, held in line, or buried, then acknowledged."""

    def __init__(
        self,
        topic: str,
        consumer: str,
        handle: Handle,
        lane: Lane,
        clock: Clock,
        fatal: Callable[[BaseException], None],
        monotonic: Callable[[], float] = time.monotonic,
        waiting: int = MAX_WAITING,
        veil: Callable[[Delivery], Delivery] = lambda delivery: delivery,
    ) -> None:
        """`veil` is what a delivery is seen through, at every attempt.

        `fatal` ends the process; it is told what no exception may carry out of a Faust agent.

        `let_go` (set by whoever runs the consumer) tells Faust not to wait for this topic's deliveries: called while the
        breaker is open, because a rebalance or a stop would otherwise wait until each has had its probe.
        """
        self.topic = topic
        self.let_go: Callable[[], None] = lambda: None
        self._consumer = consumer
        self._handle = handle
        self._lane = lane
        self._clock = clock
        self._fatal = fatal
        self._waiting = waiting
        self._veil = veil
        self._monotonic = monotonic
        self.breaker = Breaker(monotonic)
        self.stats = ConsumerStats(progressed_at=monotonic())

    async def consume(self, stream: Stream) -> None:
        """The body of a Faust agent: a reader fills a short queue, this empties it batch by batch."""
        queue: asyncio.Queue[Any] = asyncio.Queue(self._waiting)
        unacked = stream.noack()
        reader = asyncio.create_task(_read(unacked, queue))
        try:
            while True:
                events = await self._take(queue, reader)
                self.stats.busy_since = self._monotonic()
                await self.process([self._delivery(event) for event in events])
                for event in events:
                    await unacked.ack(event)
                self.stats.busy_since, self.stats.progressed_at = None, self._monotonic()
        except Exception as error:  # noqa: BLE001 - leaving the agent would acknowledge what failed
            self._fatal(error)
            await asyncio.Event().wait()
        finally:
            reader.cancel()

    async def process(self, deliveries: list[Delivery]) -> None:
        """Bring every delivery to an end. Raises `Exhausted` when the database stays away."""
        todo = [self._decoded(delivery) for delivery in deliveries]
        started, tries = self._monotonic(), 0
        while todo:
            before = len(todo)
            todo = await self._round(todo)
            if len(todo) < before:
                started, tries = self._monotonic(), 0
                continue
            tries += 1
            self.stats.transient += 1
            if self._monotonic() - started > GIVE_UP_SECONDS:
                raise Exhausted(f"{self.topic}: no progress for {GIVE_UP_SECONDS:.0f} s")
            await asyncio.sleep(random.uniform(0, min(3.0, 0.1 * 2**tries)))  # noqa: S311 - full jitter

    async def _take(self, queue: "asyncio.Queue[Any]", reader: "asyncio.Task[None]") -> list[Any]:
        """What waits, at least one; one a minute while the breaker is open. Ends with the reader's error if it failed."""
        while self.breaker.open and (seconds := self.breaker.seconds_to_probe()) > 0:
            self.let_go()
            await asyncio.sleep(min(seconds, _STOPPED_SECONDS))
        getter = asyncio.ensure_future(queue.get())
        await asyncio.wait({getter, reader}, return_when=asyncio.FIRST_COMPLETED)
        if not getter.done():
            getter.cancel()
            reader.result()
            raise RuntimeError(f"{self.topic}: the stream ended")
        events = [getter.result()]
        while not self.breaker.open and not queue.empty():
            events.append(queue.get_nowait())
        return events

    def _delivery(self, event: Any) -> Delivery:
        message = event.message
        return Delivery(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            headers=list(message.headers or []),
            value=message.value or b"",
            received_at=self._clock(),
        )

    def _decoded(self, delivery: Delivery) -> _Pending:
        try:
            return _Pending(delivery, decode(delivery.topic, delivery.headers, delivery.value), None)
        except Malformed as error:
            return _Pending(delivery, None, error)

    async def _round(self, todo: list[_Pending]) -> list[_Pending]:
        """Try each once, together. Returns those to try again, in order."""
        crash_point("consumer.before_transaction")
        lines: dict[str, Line] = defaultdict(Line)
        outcomes = await asyncio.gather(*(self._try(pending, lines) for pending in todo), return_exceptions=True)
        crash_point("consumer.after_transaction")
        again: list[_Pending] = []
        for pending, outcome in zip(todo, outcomes, strict=True):
            if isinstance(outcome, Skipped | Unavailable):
                again.append(pending)
            elif isinstance(outcome, asyncio.CancelledError):
                raise outcome
            elif isinstance(outcome, BaseException):
                if not await self._hold(pending, outcome):
                    again.append(pending)
            else:
                self._count(pending, outcome)
        return again

    async def _try(self, pending: _Pending, lines: dict[str, Line]) -> Received | None:
        """One attempt. Returns what became of it, None if it was buried as malformed."""
        being_forgotten = self._veiled(pending)
        if pending.message is None:
            assert pending.malformed is not None
            verdict = Verdict(pending.malformed.error_class, str(pending.malformed), 1, pending.delivery.received_at)
            await self._lane.submit(Bury(self._consumer, pending.delivery, verdict), seconds=COMMIT_SECONDS)
            return None
        try:
            inner = Broken(being_forgotten) if being_forgotten else self._handle(pending.message)
        except Exception as error:  # noqa: BLE001 - fails in the lane, in its place, so that what follows it waits
            inner = Broken(error)
        line = lines[held_id(self.topic, pending.message)]
        receive = Receive(pending.delivery, pending.message, inner)
        return await self._lane.submit(receive, line=line, seconds=COMMIT_SECONDS)

    def _veiled(self, pending: _Pending) -> BeingForgotten | None:
        """Put the veil over a delivery; or why it has to wait. Raises `Unavailable`."""
        try:
            veiled = self._veil(pending.delivery)
        except BeingForgotten as error:
            return error
        if veiled is not pending.delivery:
            pending.delivery, pending.message = veiled, self._decoded(veiled).message
        return None

    async def _hold(self, pending: _Pending, error: BaseException) -> bool:
        """Move a failed delivery out of the way, into its key's line. False if the database is away."""
        assert pending.message is not None
        self._record(pending, succeeded=False)
        log.warning("event failed, held", topic=self.topic, id=pending.message.envelope.id, error=repr(error)[:300])
        try:
            hold = Hold(pending.delivery, pending.message, repr(error))
            await self._lane.submit(hold, seconds=COMMIT_SECONDS)
        except Unavailable:
            return False
        self.stats.held += 1
        return True

    def _count(self, pending: _Pending, outcome: Received | None) -> None:
        self._record(pending, succeeded=outcome is not None)
        if outcome is None:
            self.stats.dead += 1
        elif outcome is Received.DONE:
            self.stats.done += 1
        elif outcome is Received.DUPLICATE:
            self.stats.duplicate += 1
        else:
            self.stats.held += 1

    def _record(self, pending: _Pending, *, succeeded: bool) -> None:
        """Tell the breaker once per delivery."""
        if not pending.counted:
            pending.counted = True
            self.breaker.record(succeeded)


async def _read(stream: Stream, queue: "asyncio.Queue[Any]") -> None:
    async for event in stream.events():
        await queue.put(event)
