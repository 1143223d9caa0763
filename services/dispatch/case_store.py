"""What desks look for among the incidents: their queue page by page, and the cases of a month."""

from datetime import datetime
from typing import Any

from services.dispatch.domain.incident import Incident
from services.dispatch.domain.states import OPEN_ORDERS, State
from services.dispatch.domain.voices import DISPUTED
from services.dispatch.queue import Mark, Wanted
from shared.mongo.client import Database, Document
from shared.mongo.records import Records
from shared.mongo.scopes import within
from shared.scope import Scope

_INCIDENTS: Records[Incident] = Records("incidents", Incident)
_COMMUNITY = "place.grid.community"
_STANDING = [State.NEEDS_INFO.value, State.PARKED.value]


class MongoQueue:
    """See `Queue`."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]

    async def queue(self, scope: Scope, wanted: Wanted, after: Mark | None, limit: int) -> list[tuple[Incident, int]]:
        behind = [] if after is None else [_behind(after)]
        query = {"$and": [within(scope, _COMMUNITY), *_filters(wanted), *behind]}
        cursor = self._incidents.find(query).sort([("t0", 1), ("_id", 1)]).limit(limit)
        return [(_INCIDENTS.load(document), document["version"]) for document in await cursor.to_list(None)]


class MongoCases:
    """See `Cases`."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]

    async def due(self, scope: Scope, start: datetime, end: datetime) -> list[Incident]:
        of_month = {"orders": {"$elemMatch": {"due_at": {"$gte": start, "$lt": end}}}}
        cursor = self._incidents.find({"$and": [within(scope, _COMMUNITY), of_month]}).sort("_id", 1)
        return [_INCIDENTS.load(document) async for document in cursor]


def _behind(mark: Mark) -> Document:
    return {"t0": {"$gte": mark.t0}, "$or": [{"t0": {"$gt": mark.t0}}, {"_id": {"$gt": mark.id}}]}


def _filters(wanted: Wanted) -> list[Document]:
    """One condition for each field that is set; they are joined, so none can widen the scope."""
    found: list[Document] = [
        {path: value}
        for path, value in (
            ("state", wanted.state),
            ("priority", wanted.priority),
            ("orders.department", wanted.department),
            (_COMMUNITY, wanted.community),
            ("flags", wanted.flag),
            ("code", wanted.code),
        )
        if value is not None
    ]
    if wanted.overdue_at is not None:
        late = {"state": {"$in": [state.value for state in OPEN_ORDERS]}, "due_at": {"$lt": wanted.overdue_at}}
        found.append({"state": {"$nin": _STANDING}, "orders": {"$elemMatch": late}})
    if wanted.disputed is not None:
        found.append({"flags": DISPUTED if wanted.disputed else {"$ne": DISPUTED}})
    if wanted.needs_location is not None:
        uncertain: dict[str, Any] = {_COMMUNITY: None}
        found.append(uncertain if wanted.needs_location else {_COMMUNITY: {"$ne": None}})
    return found
