"""How much one account may send in an hour. Counted in MongoDB beside the logins, so that all replicas count together.

What cannot be counted goes through: a limit is there against programs, and must never lose a report.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from fastapi import APIRouter
from limits import RateLimitItem, RateLimitItemPerHour
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.intake.windows import seconds_left
from shared.errors import Refused

log = structlog.get_logger(__name__)

ROUTES = {
    ("POST", "/v1/photos"): "photos",
    ("POST", "/v1/reports"): "reports",
    ("POST", "/v1/reports/batch"): "reports",
    ("POST", "/v1/visits"): "visits",
}
"""What is counted, by route. A batch counts as the reports in it."""

_SECONDS = 0.5
_MOST = 50
"""No batch is taken that has more."""


class TooMany(Refused):
    """So much came from this account that the next has to wait; a phone keeps it and sends it again."""

    status = 429
    code = "too-many-requests"

    def __init__(self, what: str, seconds: int) -> None:
        super().__init__(f"too many {what} within an hour; keep them and send them again in {seconds} s")
        self.retry_after_seconds = seconds


def per_hour(photos: int, reports: int, visits: int) -> Mapping[str, RateLimitItem]:
    """The limits by what they limit."""
    most = {"photos": photos, "reports": reports, "visits": visits}
    return {what: RateLimitItemPerHour(number, namespace=f"sent_{what}") for what, number in most.items()}


@dataclass(frozen=True, slots=True)
class Allowances:
    """`refused` counts what was sent back, `failed` what could not be counted."""

    storage: Storage
    most: Mapping[str, RateLimitItem]
    refused: Callable[[str], None]
    failed: Callable[[str], None]

    async def admit(self, what: str, account: str, number: int = 1) -> None:
        """Count `number` of them, or of none if that is too many. Raises `TooMany`, and nothing else."""
        try:
            async with asyncio.timeout(_SECONDS):
                wait = await self._wait(self.most[what], account, number)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the counters is no fault of the report
            log.warning("sending not counted", what=what, error=type(error).__name__)
            self.failed(what)
            return
        if wait is not None:
            self.refused(what)
            raise TooMany(what, wait)

    async def _wait(self, item: RateLimitItem, account: str, number: int) -> int | None:
        """None once they are counted, else the seconds until they will be.

        A batch is asked first: what is refused must not use up the place of a single report. One that is larger than the
        whole allowance counts as that, because otherwise it would be refused for ever.
        """
        limiter, cost = FixedWindowRateLimiter(self.storage), min(number, item.amount)
        fits = cost == 1 or await limiter.test(item, account, cost=cost)
        if fits and await limiter.hit(item, account, cost=cost):
            return None
        return await seconds_left(self.storage, item, account)


def limited(allowances: Allowances, *routers: APIRouter) -> list[APIRouter]:
    """The same routers, with the routes of `ROUTES` behind their limit. Before they are guarded: whose it is must be known."""
    for route in (route for router in routers for route in router.routes if isinstance(route, Route)):
        found = {ROUTES[method, route.path] for method in route.methods or () if (method, route.path) in ROUTES}
        for what in found:
            route.app = _Limited(route.app, allowances, what, batch=route.path.endswith("/batch"))
    return list(routers)


@dataclass(frozen=True, slots=True)
class _Limited:
    """ASGI: the route, for whom has not sent too much."""

    app: ASGIApp
    allowances: Allowances
    what: str
    batch: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = 1
        if self.batch:
            body = await Request(scope, receive).body()
            number, receive = _number(body), _again(body, receive)
        await self.allowances.admit(self.what, scope["principal"].id, number)
        await self.app(scope, receive, send)


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read, to be read again."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message


def _number(body: bytes) -> int:
    """How many reports a batch has; what is no batch is refused by its form, and counts as one."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return 1
    reports = sent.get("reports") if isinstance(sent, dict) else None
    return min(max(len(reports), 1), _MOST) if isinstance(reports, list) else 1
