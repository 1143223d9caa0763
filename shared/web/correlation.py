"""Every request has a correlation id, in its logs, in its answer and in every event it leads to."""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.context import Context
from shared.ids import NewId
from shared.metrics import Metrics

_SAFE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Correlation:
    """ASGI middleware: takes a well-formed `X-Correlation-Id` or makes one, and measures the request."""

    def __init__(self, app: ASGIApp, *, new_id: NewId, metrics: Metrics) -> None:
        self._app = app
        self._new_id = new_id
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        offered = Headers(scope=scope).get("x-correlation-id", "")
        correlation_id = offered if _SAFE.fullmatch(offered) else self._new_id()
        scope["correlation_id"] = correlation_id
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Correlation-Id"] = correlation_id
            await send(message)

        self._metrics.http_in_flight.inc()
        try:
            with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
                await self._app(scope, receive, answer)
        finally:
            self._metrics.http_in_flight.dec()
            route = getattr(scope.get("route"), "path", "none")
            labels = (scope["method"], route, str(status))
            self._metrics.http_seconds.labels(*labels).observe(time.perf_counter() - started)
        return None


def context_of(request: Request, actor: str) -> Context:
    """The context that events of this request carry."""
    return Context(
        actor=actor,
        correlation_id=request.scope["correlation_id"],
        traceparent=request.headers.get("traceparent"),
    )
