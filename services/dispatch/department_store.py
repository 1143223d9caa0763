"""What a department sees of the incidents: its own orders."""

from typing import Any

from services.dispatch.domain.incident import Incident, Order
from services.dispatch.domain.states import OrderState
from shared.errors import Forbidden
from shared.mongo.client import Database, Document
from shared.mongo.records import Records
from shared.scope import Scope

_INCIDENTS: Records[Incident] = Records("incidents", Incident)


class MongoOrderViews:
    """See `OrderViews`."""

    def __init__(self, database: Database) -> None:
        self._incidents = database["incidents"]

    async def orders(
        self, scope: Scope, after: str | None, states: tuple[OrderState, ...], limit: int
    ) -> list[tuple[Incident, Order]]:
        """Each incident found has at least one such order, so `limit` incidents are enough (one more for `after`'s own)."""
        wanted = {"state": {"$in": [state.value for state in states]}} if states else {}
        query = _own(scope, **wanted)
        if after is not None:
            query["_id"] = {"$gte": after.rpartition(".")[0]}
        cursor = self._incidents.find(query).sort("_id", 1).limit(limit + 1)
        found = [line for document in await cursor.to_list(None) for line in _lines(scope, document, states)]
        behind = [line for line in found if after is None or _place(line[1].id) > _place(after)]
        return behind[:limit]

    async def order(self, scope: Scope, order_id: str) -> tuple[Incident, Order] | None:
        query = {"_id": order_id.rpartition(".")[0], **_own(scope, id=order_id)}
        document = await self._incidents.find_one(query)
        found = [] if document is None else _lines(scope, document, ())
        return next((line for line in found if line[1].id == order_id), None)


def _own(scope: Scope, **order: Any) -> Document:
    """Raises `Forbidden` for a scope without a department: it has no orders to be asked for."""
    if scope.department is None:
        raise Forbidden("this is for departments")
    mine = {"$elemMatch": {"department": scope.department, **order}}
    return {"subdistrict": scope.subdistrict, "orders.department": scope.department, "orders": mine}


def _lines(scope: Scope, document: Document, states: tuple[OrderState, ...]) -> list[tuple[Incident, Order]]:
    incident = _INCIDENTS.load(document)
    mine = (order for order in incident.orders if order.department == scope.department)
    return [(incident, order) for order in mine if not states or order.state in states]


def _place(order_id: str) -> tuple[str, int]:
    """Orders of an incident are numbered: the tenth comes behind the ninth."""
    incident, _, number = order_id.rpartition(".")
    return incident, int(number) if number.isdecimal() else 0
