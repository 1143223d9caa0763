"""What of an incident's messages to departments has not left for them yet: in the outbox, or waiting for a webhook. And who of
those on Kafka has read his offer."""

import json
from collections import defaultdict
from datetime import datetime

from services.dispatch.domain.incident import Incident
from services.dispatch.domain.readers import has_read
from services.dispatch.ports import Arrival, Delivering
from services.dispatch.readers_store import MongoReadings
from services.dispatch.store import COMMUNITY
from services.dispatch.webhook_store import DELIVERIES, NEW
from shared.contracts.topics import DISPATCH, dispatch_topic
from shared.mongo.client import Database, Document
from shared.mongo.records import Records
from shared.mongo.scopes import within
from shared.mongo.transactions import OUTBOX
from shared.scope import Scope

_INCIDENTS: Records[Incident] = Records("incidents", Incident)


class MongoArrivals:
    """See `Arrivals`. `hooked`: the departments that have a webhook; the others' topics are all there is to reach."""

    def __init__(self, database: Database, hooked: frozenset[str]) -> None:
        self._incidents = database["incidents"]
        self._outbox = database[OUTBOX]
        self._deliveries = database[DELIVERIES]
        self._readings = MongoReadings(database)
        self._hooked = hooked

    async def of(self, scope: Scope, id_: str) -> list[Arrival] | None:
        document = await self._incidents.find_one({"_id": id_, **within(scope, COMMUNITY)})
        if document is None:
            return None
        incident = _INCIDENTS.load(document)
        waiting: dict[str, list[Delivering]] = defaultdict(list)
        for row in await self._outbox.find({"key": id_, "published": None}).to_list(None):
            _note(waiting, row)
        on_their_way, told = frozenset(waiting), {order.department for order in incident.orders}
        for department in sorted(told & self._hooked):
            await self._webhook(incident, department, waiting)
        readings = await self._readings.of(told - self._hooked)
        return [
            Arrival(
                order.id,
                order.department,
                order.department in self._hooked,
                tuple(waiting[order.id]),
                in_topic=order.id not in on_their_way,
                read=has_read(readings.get(order.department), order.offered_at),
            )
            for order in incident.orders
        ]

    async def _webhook(self, incident: Incident, department: str, waiting: dict[str, list[Delivering]]) -> None:
        """First what was not taken over yet, unless it has not even left the outbox, then what was and has not arrived."""
        own = {**NEW, "topic": dispatch_topic(department).name, "key": incident.id, "published": {"$ne": None}}
        for row in await self._outbox.find(own).to_list(None):
            _note(waiting, row)
        lines = {f"{incident.id}|{order.id}": order.id for order in incident.orders if order.department == department}
        query = {"department": department, "line": {"$in": sorted(lines)}, "sent": None}
        for one in await self._deliveries.find(query, {"body": 0}).sort("seq", 1).to_list(None):
            waiting[lines[one["line"]]].append(Delivering(one["seq"], one["stored"], one["tries"], one["reason"]))


def _note(waiting: dict[str, list[Delivering]], row: Document) -> None:
    if not row["topic"].startswith(DISPATCH):
        return
    data, stored = json.loads(row["value"]), row["stored"]
    assert isinstance(stored, datetime)
    waiting[data["order"]].append(Delivering(data["seq"], stored))
