"""Forgetting a person in one service: what is kept of it, and the small transactions that it is made of.

`forgettings` has one document per person, named by his pseudonym. While the work goes on it holds the account id, to know
what to look for; then the id goes, and what remains is the tombstone by which late events about him are recognised.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from shared.context import Context
from shared.contracts.account_changed import AccountChanged
from shared.contracts.account_forgotten import AccountForgotten
from shared.contracts.envelope import Message
from shared.contracts.topics import ACCOUNT_FORGOTTEN
from shared.mongo.inbox import HELD_KEYS
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Command, Document, Ref, Work
from shared.pseudonym import Person, Pseudonyms, is_pseudonym

FORGETTINGS = "forgettings"

GRACE = timedelta(seconds=20)
"""From the announcement to the first change: by then no process handles an event that names the person (`veil.py`)."""

SETTLE = timedelta(minutes=15)
"""From the announcement to the last look: by then no access token of his is valid any more (10 minutes)."""

OVERDUE = timedelta(hours=24)


class Phase(StrEnum):
    """`announced`: events that name him wait. `renamed`: his documents bear the pseudonym, events are heard under it.
    `done`: a last look after `SETTLE` found nothing."""

    ANNOUNCED = "announced"
    RENAMED = "renamed"
    DONE = "done"


Treatment = Callable[[Document, Person], Document | None]
"""What becomes of a document in which the id stands: another one (perhaps of another `_id`), or None: it goes."""


def rename(document: Document, person: Person) -> Document | None:
    """The pseudonym wherever the id stands."""
    renamed: Document = person.renamed(document)
    return renamed


def remove_own(field: str) -> Treatment:
    """The document goes if `field` is the person's id; else he is only named in it."""

    def treatment(document: Document, person: Person) -> Document | None:
        return None if document[field] == person.account else rename(document, person)

    return treatment


def remove(document: Document, person: Person) -> Document | None:
    """The whole document goes, if it does name him."""
    return None if person.is_in(document) else document


@dataclass(frozen=True, slots=True)
class Nobody:
    """An `account-changed` that asks for nothing here; it is ticked off as received."""

    def reads(self) -> Iterable[Ref]:
        return []

    def decide(self, work: Work) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Announce:
    """From now on this person is being forgotten. A second time changes nothing."""

    person: Person
    subdistrict: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [Ref(FORGETTINGS, self.person.pseudonym)]

    def decide(self, work: Work) -> None:
        if work.get(FORGETTINGS, self.person.pseudonym) is None:
            work.put(FORGETTINGS, announced(self.person, self.subdistrict, self.context, work))


def announced(person: Person, subdistrict: str, context: Context, work: Work, **more: Any) -> Document:
    """The document of a forgetting that begins."""
    return {
        "_id": person.pseudonym,
        "account": person.account,
        "subdistrict": subdistrict,
        "phase": Phase.ANNOUNCED.value,
        "asked_at": work.now,
        "done_at": None,
        "correlation": context.correlation_id,
        **more,
    }


def handle_account(
    pseudonyms: Pseudonyms, follow: Callable[[Message], Command[Any]] | None = None
) -> Callable[[Message], Command[Any]]:
    """What a service does with `account-changed`: somebody to be forgotten is announced, of everybody else `follow` hears."""

    def handle(message: Message) -> Command[Any]:
        data, envelope = message.data, message.envelope
        assert isinstance(data, AccountChanged)  # the only type on this topic
        if is_pseudonym(data.account):
            return Nobody()
        if data.status != "forgotten":
            return follow(message) if follow else Nobody()
        person = Person(data.account, pseudonyms.of(data.account))
        context = Context("system:forgetting", envelope.correlation_id, None, None)
        return Announce(person, data.subdistrict, context)

    return handle


@dataclass(frozen=True, slots=True)
class Treat:
    """Carry a treatment out on one document. Answers whether anything was to be done."""

    collection: str
    id: str
    person: Person
    treatment: Treatment

    def reads(self) -> Iterable[Ref]:
        return [Ref(self.collection, self.id), Ref(self.collection, self.person.renamed(self.id))]

    def decide(self, work: Work) -> bool:
        before = work.get(self.collection, self.id)
        after = None if before is None else self.treatment(before, self.person)
        if before is None or after == before:
            return False
        put_treated(work, self.collection, before, after)
        return True


def put_treated(work: Work, collection: str, before: Document, after: Document | None) -> None:
    """Write what became of a document. One that stands already under the new `_id` is the later one, and stays."""
    if after is None:
        work.delete(collection, before["_id"])
        return
    if after["_id"] != before["_id"]:
        work.delete(collection, before["_id"])
        there = work.get(collection, after["_id"])
        if there is not None:
            if collection == HELD_KEYS:
                work.put(collection, _joined_line(there, after))
            return
    work.put(collection, after)


def _joined_line(there: Document, more: Document) -> Document:
    """What waited under the id waits behind what waits under the pseudonym: that was renamed before it."""
    known = {waiting["dedupe"] for waiting in there["line"]}
    behind = [waiting for waiting in more["line"] if waiting["dedupe"] not in known]
    size = sum(len(waiting["value"]) for waiting in behind)
    return {**there, "line": [*there["line"], *behind], "bytes": there["bytes"] + size}


@dataclass(frozen=True, slots=True)
class Advance:
    """The next phase; with `done` the id goes too and everyone is told (`service` None: intake, which is who asks)."""

    person: Person
    phase: Phase
    service: str

    def reads(self) -> Iterable[Ref]:
        return [Ref(FORGETTINGS, self.person.pseudonym)]

    def decide(self, work: Work) -> None:
        before = work.get(FORGETTINGS, self.person.pseudonym)
        if before is None or before["phase"] == Phase.DONE:
            return
        if self.phase is not Phase.DONE:
            work.put(FORGETTINGS, {**before, "phase": self.phase.value})
            return
        after = {**before, "phase": self.phase.value, "account": None, "done_at": work.now}
        if "done" in before:  # intake keeps the account of it
            work.put(FORGETTINGS, {**after, "done": {**before["done"], self.service: work.now}})
            return
        data = AccountForgotten(subdistrict=before["subdistrict"], account=self.person.pseudonym, service=self.service)
        context = Context(f"system:{self.service}", before["correlation"], None, None)
        work.put(FORGETTINGS, after, Outgoing(self.service, ACCOUNT_FORGOTTEN.name, data, work.now, context))
