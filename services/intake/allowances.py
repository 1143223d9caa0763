"""How much one account may send in an hour. Counted in MongoDB beside the logins, so that all replicas count together.

What cannot be counted goes through: a limit is there against programs, and must never lose a report.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Depends, Request
from limits import RateLimitItem, RateLimitItemPerHour
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from shared.errors import Refused
from shared.web.auth import Caller

log = structlog.get_logger(__name__)

ROUTES = {
    ("POST", "/v1/photos"): "photos",
    ("POST", "/v1/reports"): "reports",
    ("POST", "/v1/reports/batch"): "reports",
    ("POST", "/v1/visits"): "visits",
}
"""What is counted, by route. A batch counts as the reports in it."""

_SECONDS = 0.5


class TooMany(Refused):
    """So much came from this account that the next has to wait; a phone keeps it and sends it again."""

    status = 429
    code = "too-many-requests"
    retry_after_seconds = 300


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
        """Count `number` of them. Raises `TooMany`, and nothing else."""
        try:
            async with asyncio.timeout(_SECONDS):
                good = await FixedWindowRateLimiter(self.storage).hit(self.most[what], account, cost=number)
        except Exception as error:  # whatever is wrong with the counters is no fault of the report
            log.warning("sending not counted", what=what, error=type(error).__name__)
            self.failed(what)
            return
        if not good:
            self.refused(what)
            raise TooMany(f"too many {what} within an hour; keep them and send them again later")


def limited(allowances: Allowances, *routers: APIRouter) -> APIRouter:
    """The same routes, those of `ROUTES` with their limit."""

    async def admit(request: Request, caller: Caller) -> None:
        what = ROUTES.get((request.method, request.scope["route"].path))
        if what is not None:
            await allowances.admit(what, caller.id, await _number(request))

    counted = APIRouter(dependencies=[Depends(admit)])
    for router in routers:
        counted.include_router(router)
    return counted


async def _number(request: Request) -> int:
    """How many reports a batch has; the form has refused or will refuse what is no batch."""
    if not request.url.path.endswith("/batch"):
        return 1
    try:
        body = await request.json()
    except ValueError:
        return 1
    reports = body.get("reports") if isinstance(body, dict) else None
    return min(max(len(reports), 1), 50) if isinstance(reports, list) else 1
