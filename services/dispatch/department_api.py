"""A department's inbox over HTTP: its orders, and what it does about them. For departments that run no Kafka client."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.dispatch import events
from services.dispatch.department import ActOnOrder, AppealDeadline, Kind
from services.dispatch.department_forms import AcceptIn, AppealIn, DoneIn, ExtensionIn, ProgressIn, ReturnIn
from services.dispatch.domain.incident import Appeal, Incident, Order
from services.dispatch.domain.states import OrderState
from services.dispatch.ports import Incidents, OrderViews, Receipts, Rules
from shared.contracts.scalars import UpdateId
from shared.contracts.vocabulary import WorkOrder
from shared.errors import Invalid, NotFound
from shared.mongo.lane import Lane
from shared.mongo.work import Ref, Work
from shared.web.auth import Caller
from shared.web.correlation import context_of
from shared.web.idempotency import fingerprint, idempotency_key, submit_once

Key = Annotated[str, Depends(idempotency_key)]
_UPDATE_ID: TypeAdapter[str] = TypeAdapter(UpdateId)


class InboxOrder(BaseModel):
    """One work order. Send `seq` back as `seen_seq`: it counts what the department was told about the order."""

    order: str
    seq: int
    work_order: WorkOrder
    accepted_at: datetime | None
    done_at: datetime | None
    reason: str | None
    extension_asked_until: datetime | None
    evidence: tuple[str, ...]
    deadline_appeal: Appeal | None


class InboxPage(BaseModel):
    """Orders, the oldest first. `after` continues behind the last one; null where there are no more."""

    orders: list[InboxOrder]
    after: str | None


class OrderAct(BaseModel):
    """What became of the order. Nothing of the report: this answer is kept, so that it can be given again."""

    order: str
    seq: int
    state: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A department's command with its answer."""

    inner: ActOnOrder | AppealDeadline

    def reads(self) -> Iterable[Ref]:
        return self.inner.reads()

    def decide(self, work: Work) -> OrderAct:
        _, order = self.inner.decide(work)
        return OrderAct(order=order.id, seq=order.seq, state=order.state, due_at=order.due_at)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes work with."""

    lane: Lane
    incidents: Incidents
    views: OrderViews
    rules: Rules
    receipts: Receipts

    async def act(self, request: Request, caller: Caller, key: str, order: str, kind: Kind, wish: AcceptIn) -> Response:
        """Carry the wish out once under its key, which is also the update's id."""
        fields: dict[str, Any] = wish.model_dump(exclude_none=True)
        context, update_id = context_of(request, caller.scope.actor), _update_id(key)
        command = ActOnOrder(
            self.incidents, self.rules, self.receipts, caller.scope, order, update_id, kind, fields, context
        )
        return await submit_once(self.lane, caller, key, fingerprint(wish, order, kind), _Rendered(command))

    async def appeal(self, request: Request, caller: Caller, key: str, order: str, wish: AppealIn) -> Response:
        """Put the appeal in once under its key."""
        context, _ = context_of(request, caller.scope.actor), _update_id(key)
        command = AppealDeadline(self.incidents, self.rules, caller.scope, order, wish.seen_seq, wish.reason, context)
        return await submit_once(self.lane, caller, key, fingerprint(wish, order, "appeal"), _Rendered(command))


def router(desk: Desk) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1/orders")

    @routes.get("", summary="My department's orders")
    async def get_orders(
        caller: Caller,
        after: Annotated[str | None, Query(max_length=200)] = None,
        state: Annotated[list[OrderState], Query(max_length=7)] = [],  # noqa: B006 - FastAPI copies it
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> InboxPage:
        found = await desk.views.orders(caller.scope, after, tuple(state), limit + 1)
        page = [_order_out(desk.rules, incident, order) for incident, order in found[:limit]]
        return InboxPage(orders=page, after=page[-1].order if len(found) > limit else None)

    @routes.get("/{order}", summary="One of my department's orders")
    async def get_order(order: str, caller: Caller) -> InboxOrder:
        found = await desk.views.order(caller.scope, order)
        if found is None:
            raise NotFound("there is no such order for you", code="unknown_order")
        return _order_out(desk.rules, *found)

    @routes.post("/{order}/accept", response_model=OrderAct, summary="Take it on")
    async def accept(order: str, wish: AcceptIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.act(request, caller, key, order, "accepted", wish)

    @routes.post("/{order}/return", response_model=OrderAct, summary="Give it back")
    async def give_back(order: str, wish: ReturnIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.act(request, caller, key, order, "returned", wish)

    @routes.post("/{order}/progress", response_model=OrderAct, summary="Say how far it is")
    async def progress(order: str, wish: ProgressIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.act(request, caller, key, order, "progress", wish)

    @routes.post("/{order}/extension", response_model=OrderAct, summary="Ask for more time")
    async def extension(order: str, wish: ExtensionIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.act(request, caller, key, order, "extension_asked", wish)

    @routes.post("/{order}/done", response_model=OrderAct, summary="Report it fixed")
    async def done(order: str, wish: DoneIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.act(request, caller, key, order, "done", wish)

    @routes.post("/{order}/deadline-appeal", response_model=OrderAct, summary="Its deadline should not count")
    async def appeal(order: str, wish: AppealIn, request: Request, caller: Caller, key: Key) -> Response:
        return await desk.appeal(request, caller, key, order, wish)

    return routes


def _update_id(key: str) -> str:
    try:
        return _UPDATE_ID.validate_python(key)
    except ValidationError:
        raise Invalid.field("Idempotency-Key", "up to 64 letters, digits and . _ : -; a UUID will do") from None


def _order_out(rules: Rules, incident: Incident, order: Order) -> InboxOrder:
    category = rules.category(incident.category, incident.condition)
    if category is None:
        raise LookupError(f"no category {incident.category} in the reference data")
    return InboxOrder(
        order=order.id,
        seq=order.seq,
        work_order=events.work_order(incident, order, category),
        accepted_at=order.accepted_at,
        done_at=order.done_at,
        reason=order.reason,
        extension_asked_until=order.extension_asked_until,
        evidence=order.evidence,
        deadline_appeal=order.appeal,
    )
