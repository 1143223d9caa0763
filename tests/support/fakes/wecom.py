"""WeCom's group robots."""

import base64
import hashlib
import json
from typing import Any

from shared.clock import Clock
from tests.support.fakes.limit import Window
from tests.support.fakes.wire import Reply, Request

PATH = "/cgi-bin/webhook/send"


class Wecom:
    """One robot for each key. `said`: by key, the messages as they came, in order."""

    def __init__(self, clock: Clock, *keys: str, per_minute: int = 20) -> None:
        self.windows = {key: Window(clock, per_minute) for key in keys}
        self.said: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}

    def take(self, request: Request) -> Reply:
        """Always 200, as the real one."""
        key = request.query.get("key", "")
        if request.path != PATH or request.method != "POST":
            return Reply(404)
        if key not in self.windows:
            return _answer(93000, "invalid webhook url")
        fault = _fault(request.body)
        if fault is not None:
            return fault
        if not self.windows[key].admits():
            return _answer(45009, "api freq out of limit")
        self.said[key].append(json.loads(request.body))
        return _answer(0, "ok")

    def texts(self, key: str) -> list[str]:
        """What stands in the group, in order."""
        return [message[message["msgtype"]].get("content", "") for message in self.said[key]]


def _fault(body: bytes) -> Reply | None:
    message = json.loads(body)
    kind = message.get("msgtype")
    if kind in ("text", "markdown"):
        most = 2048 if kind == "text" else 4096
        if len(message[kind]["content"].encode()) > most:
            return _answer(40058, f"{kind}.content exceed max length {most}. invalid Request Parameter")
        return None if message[kind]["content"] else _answer(44004, "empty content")
    if kind != "image":
        return _answer(40008, "invalid message type")
    image = base64.b64decode(message["image"]["base64"], validate=True)
    if len(image) > 2 * 1024 * 1024:
        return _answer(40009, "invalid image size")
    return None if hashlib.md5(image).hexdigest() == message["image"]["md5"] else _answer(301019, "invalid md5")  # noqa: S324


def _answer(code: int, text: str) -> Reply:
    return Reply(body=json.dumps({"errcode": code, "errmsg": text}).encode())
