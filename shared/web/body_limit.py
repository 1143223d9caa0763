"""Bodies over the limit are refused with 413 without being read to the end, whether they tell their length or not."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.problems import TOO_LARGE, problem


class BodyLimit:
    """ASGI middleware: at most `most` bytes of request body."""

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        detail = f"body: is over {self._most:,} bytes"
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._most:
            scope["app"].state.metrics.problems.labels(TOO_LARGE).inc()
            # kept open, the connection would have to be read to the end of this body
            answer = problem(413, TOO_LARGE, detail, headers={"Connection": "close"})
            return await answer(scope, receive, send)
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                raise HTTPException(413, detail, {"Connection": "close"})
            return message

        return await self._app(scope, limited, send)
