"""Has it reached the departments: each order's messages that have not arrived yet, and why; and was it read."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.dispatch.ports import Arrival, Arrivals
from shared.errors import NotFound
from shared.web.auth import Caller


class WaitingOut(BaseModel):
    """A message that has not arrived. `tries` are the webhook's failures, `reason` why the last one failed."""

    seq: int
    since: datetime
    tries: int
    reason: str | None


class ArrivalOut(BaseModel):
    """One order. By Kafka it is delivered once it is in the department's topic, by webhook once the department has said yes.

    `in_topic`: everything is in the department's topic, also where a webhook takes it from there.
    """

    order: str
    department: str
    channel: Literal["kafka", "webhook"]
    delivered: bool
    in_topic: bool
    read: bool | None = Field(
        description="kafka: the department's system has read the offer; null: nobody has looked since, or it has a webhook"
    )
    waiting: list[WaitingOut]


class ArrivalsOut(BaseModel):
    """`delivered` of `orders` have everything that they were told."""

    incident: str
    delivered: int
    orders: int = Field(description="how many there are")
    each: list[ArrivalOut]


def router(arrivals: Arrivals) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/incidents/{incident_id}/deliveries", summary="Has it reached the departments")
    async def get_deliveries(incident_id: str, caller: Caller) -> ArrivalsOut:
        found = await arrivals.of(caller.scope, incident_id)
        if found is None:
            raise NotFound("there is no such incident for you")
        each = [_arrival_out(one) for one in found]
        return ArrivalsOut(
            incident=incident_id, delivered=sum(one.delivered for one in each), orders=len(each), each=each
        )

    return routes


def _arrival_out(one: Arrival) -> ArrivalOut:
    waiting = [WaitingOut(seq=x.seq, since=x.since, tries=x.tries, reason=x.reason) for x in one.waiting]
    channel: Literal["kafka", "webhook"] = "webhook" if one.by_webhook else "kafka"
    return ArrivalOut(
        order=one.order,
        department=one.department,
        channel=channel,
        delivered=not waiting,
        in_topic=one.in_topic,
        read=one.read,
        waiting=waiting,
    )
