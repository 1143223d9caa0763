"""The ledger on a real MongoDB as a state machine: whatever happens to incidents, activities, reversals and redemptions, in
two processes, in any order and again and again, the books balance, and no natural key is written twice.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.points.auditing import audit
from services.points.domain.audit import Found
from services.points.domain.entry import Grounds, Kind
from services.points.domain.keys import redemption_key
from services.points.domain.steps import end_reserve, reserve
from services.points.paying import Due, Teller
from services.points.reversing import Reverse
from services.points.store import BOOKS, COLLECTIONS
from services.points.writing import post_refs, write
from shared.clock import system_clock
from shared.context import Context
from shared.contracts.envelope import Message
from shared.contracts.event import EventData
from shared.errors import Conflict, Refused
from shared.ids import new_id
from shared.mongo.client import Client, connect
from shared.mongo.inbox import INBOX
from shared.mongo.lane import Lane
from shared.mongo.transactions import OUTBOX, MongoTransactor
from shared.mongo.work import Command, Ref, Work
from shared.scope import Scope
from tests.support.lanes import running
from tests.support.pointing import (
    BEIDAJIE,
    NINE,
    Points,
    StubRules,
    joined,
    judged,
    message,
    moved,
    recategorised,
    reported,
    resolved,
)
from tests.support.stack import Stack
from tests.support.stores import MongoStore, in_mongo

Answer = TypeVar("Answer")

RIDERS = ("anna", "bert", "carl")
INCIDENTS = ("one", "two", "three")
CONTEXT = Context("staff:s1", "story-1")
LEAD = Scope("l1", "lead:l1", BEIDAJIE, desk=True)
ENDS: tuple[Literal[Kind.PICK_UP, Kind.CANCEL, Kind.EXPIRE], ...] = (Kind.PICK_UP, Kind.CANCEL, Kind.EXPIRE)


@dataclass(frozen=True, slots=True)
class Hold:
    """Put points aside."""

    id: str
    rider: str
    points: int

    def reads(self) -> Iterable[Ref]:
        return post_refs(BOOKS, self.rider, [redemption_key(self.id, Kind.RESERVE)])

    def decide(self, work: Work) -> None:
        write(work, BOOKS, reserve(self.rider, self.points, NINE), _grounds(self.id), CONTEXT, new_id)


@dataclass(frozen=True, slots=True)
class End:
    """What becomes of them, once."""

    id: str
    rider: str
    kind: Literal[Kind.PICK_UP, Kind.CANCEL, Kind.EXPIRE]

    def reads(self) -> Iterable[Ref]:
        return post_refs(BOOKS, self.rider, [redemption_key(self.id, kind) for kind in (Kind.RESERVE, *ENDS)])

    def decide(self, work: Work) -> None:
        held = BOOKS.entries.get(work, redemption_key(self.id, Kind.RESERVE))
        if held is None or any(BOOKS.entries.get(work, redemption_key(self.id, kind)) for kind in ENDS):
            raise Conflict("nothing is held")
        home = "home-1" if self.kind is Kind.PICK_UP else ""
        step = end_reserve(self.rider, held, self.kind, NINE, reason="prize", home=home)
        write(work, BOOKS, step, _grounds(self.id), CONTEXT, new_id)


@dataclass(frozen=True, slots=True)
class Pay:
    """Pay an activity."""

    teller: Teller
    due: Due

    def reads(self) -> Iterable[Ref]:
        return self.teller.refs(self.due)

    def decide(self, work: Work) -> None:
        self.teller.pay(work, self.due, "approved", CONTEXT)


def _grounds(redemption: str) -> Grounds:
    return Grounds(BEIDAJIE, "", "", "2026-1", "ref-1", "request", "rider:x", about=redemption)


def facts(incident: str, first: str, other: str) -> dict[str, EventData]:
    """All that may be told of an incident."""
    mine, his = reported(first, incident), joined(other, incident, NINE + timedelta(minutes=5))
    return {
        "reported": mine,
        "joined": his,
        "triaged": moved("triaged", incident),
        "rejected": moved("rejected", incident),
        "emergency": moved("dispatched", incident, "E"),
        "help": recategorised("L04", incident),
        "hazard": recategorised("P0101", incident),
        "resolved": resolved(mine, his, incident=incident),
        "again": resolved(his, mine, incident=incident, cycle=2),
        "self_fixed": resolved(mine, incident=incident, cycle=3, how="self_fixed"),
        "bogus": judged(first, incident),
        "all right": judged(other, incident, "ok"),
    }


NAMES = list(facts("one", "anna", "bert"))


class Books(RuleBasedStateMachine):
    """Each run begins with empty books, on a loop of its own. `store` is given by the test."""

    store: ClassVar[MongoStore]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.client = self.runner.run(self._connect())
        self.behind = self.store.behind[self.store.place.name]
        self.numbers: dict[tuple[str, str], int] = {}
        self.told: list[Message] = []
        self.entries = 0
        for collection in self.behind.list_collection_names():
            self.behind[collection].delete_many({})

    async def _connect(self) -> Client:
        return connect(self.store.place.uri, "test")

    async def _audit(self) -> Found | None:
        return await audit(self.client[self.store.place.name], {})

    def teardown(self) -> None:
        self.client.close()
        self.runner.close()

    def deliver(self, messages: list[Message], seed: int) -> None:
        """By two processes at once."""

        async def work(one: Lane, other: Lane) -> None:
            chance = random.Random(seed)
            by = [Points(one), Points(other)]
            await asyncio.gather(*(chance.choice(by).deliver(told) for told in messages))

        self.runner.run(self._with_lanes(work))

    def submit(self, *commands: Command[Any]) -> list[Any]:
        """At once, in turn to two processes. A refusal is an answer; anything else is not."""

        async def work(one: Lane, other: Lane) -> list[Any]:
            wishes = [(one, other)[n % 2].submit(command, seconds=60) for n, command in enumerate(commands)]
            return await asyncio.gather(*wishes, return_exceptions=True)

        answers: list[Any] = self.runner.run(self._with_lanes(work))
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Refused):
                raise answer
        return answers

    async def _with_lanes(self, work: Callable[[Lane, Lane], Coroutine[Any, Any, Answer]]) -> Answer:
        transactor = MongoTransactor(self.client, self.client[self.store.place.name], system_clock)
        async with running(transactor) as one, running(transactor) as other:
            return await work(one, other)

    @rule(
        what=st.lists(
            st.tuples(st.sampled_from(INCIDENTS), st.sampled_from(NAMES)), min_size=1, max_size=6, unique=True
        ),
        seed=st.integers(0, 999),
    )
    def hear(self, what: list[tuple[str, str]], seed: int) -> None:
        """Something new is told, in no order."""
        messages = []
        for incident, name in what:
            place = INCIDENTS.index(incident)
            data = facts(incident, RIDERS[place], RIDERS[(place + 1) % len(RIDERS)])[name]
            key = (type(data).__name__, data.subject)
            self.numbers[key] = self.numbers.get(key, 0) + 1
            messages.append(message(data, self.numbers[key], "staff:s1"))
        self.told += messages
        self.deliver(messages, seed)

    @precondition(lambda self: self.told)
    @rule(seed=st.integers(0, 999), forget=st.booleans())
    def hear_again(self, seed: int, forget: bool) -> None:
        """Everything so far once more, shuffled; perhaps after 45 days. What was told out of its order may now change
        what is promised, and nothing is ever written twice."""
        if forget:
            self.behind[INBOX].delete_many({})
        again = self.told.copy()
        random.Random(seed).shuffle(again)
        self.deliver(again, seed)

    @rule(number=st.integers(0, 5), rider=st.sampled_from(RIDERS), minutes=st.integers(0, 600))
    def pay(self, number: int, rider: str, minutes: int) -> None:
        """An activity, approved twice at once."""
        due = Due(BEIDAJIE, rider, "help", f"act-{number}-{rider}", NINE + timedelta(minutes=minutes))
        wish = Pay(Teller(BOOKS, StubRules(), new_id), due)
        assert sum(isinstance(answer, Refused) for answer in self.submit(wish, wish)) >= 1

    @rule(seed=st.integers(0, 999))
    def reverse(self, seed: int) -> None:
        """Any line, five times at once: never more than one reversal."""
        lines = list(self.behind["entries"].find().sort("_id", 1))
        if lines:
            line = random.Random(seed).choice(lines)
            (book,) = self.behind["passbooks"].find({"account": line["account"]})
            wish = Reverse(BOOKS, line["_id"], book["_id"], "mistake", LEAD, CONTEXT, new_id)
            assert sum(isinstance(answer, Refused) for answer in self.submit(*[wish] * 5)) >= 4

    @rule(number=st.integers(0, 4), rider=st.sampled_from(RIDERS), points=st.integers(1, 12))
    def hold(self, number: int, rider: str, points: int) -> None:
        """Two rival redemptions of the same points."""
        self.submit(*(Hold(f"red-{number}-{rider}-{which}", rider, points) for which in (1, 2)))

    @rule(number=st.integers(0, 4), rider=st.sampled_from(RIDERS), which=st.sampled_from((1, 2)))
    def end(self, number: int, rider: str, which: int) -> None:
        """Picked up, cancelled and expired at once: at most one of them."""
        wishes = [End(f"red-{number}-{rider}-{which}", rider, kind) for kind in ENDS]
        assert sum(isinstance(answer, Refused) for answer in self.submit(*wishes)) >= 2

    @invariant()
    def the_books_balance(self) -> None:
        found = self.runner.run(self._audit())
        assert found is not None
        assert found.well, found
        assert found.entries >= self.entries
        self.entries = found.entries
        for book in self.behind["passbooks"].find():
            assert min(book["balance"], book["owed"], book["pending"]) >= 0, book

    @invariant()
    def every_line_was_told_once(self) -> None:
        told = self.behind[OUTBOX].find({}, {"_id": 1})
        lines = self.behind["entries"].find({}, {"_id": 1})
        events = sorted(row["_id"].split(":", 1)[1] for row in told)
        assert events == sorted(line["_id"] for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_whatever_happens_the_books_balance(stack: Stack) -> None:
    async with in_mongo(stack, COLLECTIONS) as store:
        Books.store = store
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
        how = settings(max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=checks)
        await asyncio.to_thread(run_state_machine_as_test, Books, settings=how)
