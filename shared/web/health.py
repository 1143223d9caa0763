"""`/livez`, `/readyz`, `/metrics`: for supervisors, not routed by the front door."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""Returns None when fine, else the reason in words."""


def router(metrics: Metrics, checks: Mapping[str, Check]) -> APIRouter:
    """Routes for one process. `/livez` depends on nothing: a slow database must not get processes restarted."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        reasons = {name: await check() for name, check in checks.items()}
        failing = {name: reason for name, reason in reasons.items() if reason}
        body = {"status": "not ready" if failing else "ready", "failing": failing}
        return JSONResponse(body, 503 if failing else 200)

    @routes.get("/metrics")
    def exposition() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
