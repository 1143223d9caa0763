"""Bodies over the limit are refused with 413 without being read to the end, whether they tell their length or not."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.problems import TOO_LARGE, problem

LINGER_BYTES = 32 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much is read and thrown away after a refusal, so that the sender sees it; whoever sends on is cut off."""

_CLOSE = {"Connection": "close"}


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
        over, taken = announced.isdecimal() and int(announced) > self._most, 0

        async def limited() -> Message:
            nonlocal over, taken
            message = await receive()
            taken += len(message.get("body", b""))
            over = taken > self._most
            if over:
                raise HTTPException(413, detail, _CLOSE)
            return message

        async def answer(message: Message) -> None:
            if not over or message["type"] != "http.response.body" or message.get("more_body"):
                return await send(message)
            await send({**message, "more_body": True})
            await _linger(receive)
            return await send({"type": "http.response.body"})

        if over:
            scope["app"].state.metrics.problems.labels(TOO_LARGE).inc()
            return await problem(413, TOO_LARGE, detail, headers=_CLOSE)(scope, receive, answer)
        return await self._app(scope, limited, answer)


async def _linger(receive: Receive) -> None:
    """Read on for a moment: closing on unread bytes resets the connection, and the answer is lost on its way."""
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message["body"])
