"""The veil over what comes in: whoever is forgotten appears in no event any more, however late or often it is delivered."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from shared.errors import Unavailable
from shared.mongo.client import Database, DatabaseError
from shared.mongo.inbox import Delivery
from shared.mongo.person import FORGETTINGS, Phase
from shared.pseudonym import Person, Pseudonyms

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
FRESH_SECONDS = 10.0
"""A process that has not looked for so long handles no event: it might still write a name that is being removed."""


class BeingForgotten(RuntimeError):
    """The event names somebody who is being forgotten just now. It waits in line until his documents are renamed."""


class Veil:
    """Who is forgotten, as this process knows it; call it with a delivery. Run `watch()` as a task."""

    def __init__(
        self, database: Database, pseudonyms: Pseudonyms, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._forgettings = database[FORGETTINGS]
        self._pseudonyms = pseudonyms
        self._monotonic = monotonic
        self._phases: dict[str, str] = {}
        self._looked_at = float("-inf")

    async def watch(self) -> None:
        """Look every two seconds. Until cancelled; while the database is away nothing is known."""
        while True:
            try:
                await self.look()
            except DatabaseError as error:
                log.info("not looked who is forgotten", error=repr(error)[:200])
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Read who is forgotten. Raises what the driver raises."""
        asked_at = self._monotonic()
        found = await self._forgettings.find({}, {"phase": 1}).to_list(None)
        self._phases = {document["_id"]: document["phase"] for document in found}
        self._looked_at = asked_at

    def __call__(self, delivery: Delivery) -> Delivery:
        """The delivery with pseudonyms in place of the ids of forgotten people.

        Raises `BeingForgotten`, or `Unavailable` if this process does not know well enough who is forgotten.
        """
        if self._monotonic() - self._looked_at > FRESH_SECONDS:
            raise Unavailable("it is not known who is forgotten")
        if not self._phases:
            return delivery
        content = b"\n".join((delivery.key or b"", delivery.value, *(text for _, text in delivery.headers)))
        for account, pseudonym in self._pseudonyms.named_in(content, self._phases).items():
            if self._phases[pseudonym] == Phase.ANNOUNCED:
                raise BeingForgotten("it names somebody who is being forgotten")
            delivery = _renamed(delivery, Person(account, pseudonym))
        return delivery


def _renamed(delivery: Delivery, person: Person) -> Delivery:
    return replace(
        delivery,
        key=person.renamed(delivery.key),
        headers=[(name, person.renamed(content)) for name, content in delivery.headers],
        value=person.renamed(delivery.value),
    )
