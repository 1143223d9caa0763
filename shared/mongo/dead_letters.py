"""Dead letters: what could not be carried out, with its original bytes, for people to look at, replay or drop."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.envelope import Headers
from shared.mongo.inbox import Delivery
from shared.mongo.outbox import outbox_row
from shared.mongo.work import Document, Ref, Work

DEAD_LETTERS = "dead_letters"
_TEXT_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a delivery is given up: `error_class` is stable, `text` is for people (and cut to 300 characters)."""

    error_class: str
    text: str
    attempts: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetterEvent:
    """The outbox row for `<topic>.dlq`: original bytes and headers, what happened in `dlq-…` headers."""

    consumer: str
    delivery: Delivery
    verdict: Verdict

    @property
    def topic_name(self) -> str:
        return f"{self.delivery.topic}.dlq"

    def row(self, root: Document, index: int, sequence: int, now: datetime) -> Document:
        verdict, delivery = self.verdict, self.delivery
        added = {
            "dlq-consumer": self.consumer,
            "dlq-source": f"{delivery.topic}/{delivery.partition}/{delivery.offset}",
            "dlq-error-class": verdict.error_class,
            "dlq-error": verdict.text[:_TEXT_LENGTH],
            "dlq-attempts": str(verdict.attempts),
            "dlq-first": verdict.first_at.isoformat(),
            "dlq-last": now.isoformat(),
        }
        headers: Headers = [*delivery.headers, *((name, text.encode()) for name, text in added.items())]
        return outbox_row(
            f"{self.topic_name}|{root['_id']}|{root['version']}",
            self.topic_name,
            root["_id"],
            root["version"],
            index,
            headers,
            delivery.value,
            now,
        )


def dead_letter_id(delivery: Delivery) -> str:
    """Topic, partition and offset: a delivery is one dead letter however often it is delivered."""
    return f"{delivery.topic}/{delivery.partition}/{delivery.offset}"


@dataclass(frozen=True, slots=True)
class Bury:
    """Store a delivery as a dead letter and tell its `.dlq` topic, in one transaction.

    Again: no effect, also when an operator has dropped it since; only one that was replayed in vain is told of anew.
    """

    consumer: str
    delivery: Delivery
    verdict: Verdict

    def reads(self) -> Iterable[Ref]:
        return [Ref(DEAD_LETTERS, dead_letter_id(self.delivery))]

    def decide(self, work: Work) -> None:
        id_ = dead_letter_id(self.delivery)
        before = work.get(DEAD_LETTERS, id_)
        if before is not None and before["state"] != "replayed":
            return
        delivery, verdict = self.delivery, self.verdict
        document = {
            "_id": id_,
            "topic": delivery.topic,
            "key": delivery.key,
            "headers": [[name, content] for name, content in delivery.headers],
            "value": delivery.value,
            "error_class": verdict.error_class,
            "error": verdict.text[:_TEXT_LENGTH],
            "attempts": verdict.attempts,
            "first_at": verdict.first_at,
            "last_at": work.now,
            "state": "open",
            # the root of its own outbox row; a letter buried again after a replay goes on counting
            **({"sequences": before["sequences"]} if before and "sequences" in before else {}),
        }
        work.put(DEAD_LETTERS, document, DeadLetterEvent(self.consumer, delivery, verdict))
