"""Dead letters as operators see them: read, decoded where that is possible by now, with what waits behind them."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.envelope import Malformed, Message, decode
from shared.mongo.client import Database
from shared.mongo.dead_letters import DEAD_LETTERS
from shared.mongo.inbox import HELD_KEYS, Delivery, dedupe_id, held_id
from shared.mongo.work import Document


class CannotSettle(RuntimeError):
    """There is no such letter, or nothing can be done with it; the text says what to do instead."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter with what waits behind it. `message` is None while its bytes cannot be read, `unreadable` says why."""

    service: str
    document: Document
    delivery: Delivery
    message: Message | None
    unreadable: str | None
    holds: bool
    behind: int

    @property
    def id(self) -> str:
        """Topic/partition/offset where it stood."""
        return str(self.document["_id"])

    @property
    def held_id(self) -> str | None:
        """The key it holds or would wait in."""
        return None if self.message is None else held_id(self.delivery.topic, self.message)


async def letters(service: str, database: Database, *, state: str | None = "open") -> list[Letter]:
    """The service's dead letters in that state (None: all), oldest first. Raises what the driver raises."""
    query = {} if state is None else {"state": state}
    found = await database[DEAD_LETTERS].find(query).sort("first_at", 1).to_list(None)
    read = [(document, delivery_of(document)) for document in found]
    decoded = [(document, delivery, *_decoded(delivery)) for document, delivery in read]
    ids = {held_id(delivery.topic, message) for _, delivery, message, _ in decoded if message}
    lines = {held["_id"]: held async for held in database[HELD_KEYS].find({"_id": {"$in": sorted(ids)}})}
    return [_letter(service, *parts, lines) for parts in decoded]


def _letter(
    service: str,
    document: Document,
    delivery: Delivery,
    message: Message | None,
    unreadable: str | None,
    lines: dict[str, Document],
) -> Letter:
    held = lines.get(held_id(delivery.topic, message)) if message else None
    holds = (
        held is not None
        and message is not None
        and held["state"] == "dead"
        and held["line"][0]["dedupe"] == dedupe_id(delivery.topic, message)
    )
    behind = len(held["line"]) - 1 if held is not None and holds else 0
    return Letter(service, document, delivery, message, unreadable, holds, behind)


def delivery_of(document: Document) -> Delivery:
    """The delivery that was buried, byte for byte; when it was received first is all that is known of its time."""
    topic, partition, offset = document["_id"].rsplit("/", 2)
    headers = [(name, content) for name, content in document["headers"]]
    return Delivery(
        topic, int(partition), int(offset), document["key"], headers, document["value"], document["first_at"]
    )


def _decoded(delivery: Delivery) -> tuple[Message | None, str | None]:
    try:
        return decode(delivery.topic, delivery.headers, delivery.value), None
    except Malformed as error:
        return None, f"{error.error_class}: {error}"


async def find(databases: Mapping[str, Database], id_: str) -> Letter:
    """The letter of that id, in whatever state. Raises `CannotSettle` if none of the services has it, or several have."""
    found = [
        letter
        for name, database in databases.items()
        for letter in await letters(name, database, state=None)
        if letter.id == id_
    ]
    if not found:
        raise CannotSettle(f"{id_}: 没有这封死信 no such dead letter; `qianshao dlq ls --all` lists them")
    if len(found) > 1:
        names = ", ".join(letter.service for letter in found)
        raise CannotSettle(f"{id_}: 多个服务各有一封 several services have one: say --service, one of {names}")
    return found[0]
