"""DingTalk's group robots with a signature."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from tests.support.fakes.limit import Window
from tests.support.fakes.wire import Reply, Request

PATH = "/robot/send"
HOUR = timedelta(hours=1)


class Dingtalk:
    """One robot for each access token; `secrets`: what its requests are signed with."""

    def __init__(self, clock: Clock, secrets: Mapping[str, str], per_minute: int = 20) -> None:
        self._clock = clock
        self._secrets = dict(secrets)
        self.windows = {token: Window(clock, per_minute, penalty=timedelta(minutes=10)) for token in secrets}
        self.said: dict[str, list[dict[str, Any]]] = {token: [] for token in secrets}

    def take(self, request: Request) -> Reply:
        """Always 200, as the real one."""
        token = request.query.get("access_token", "")
        if request.path != PATH or request.method != "POST":
            return Reply(404)
        if token not in self._secrets:
            return _answer(300005, "token is not exist")
        if not self._signed(request.query, self._secrets[token]):
            return _answer(310000, "sign not match")
        if len(request.body) > 20_000:
            return _answer(460101, "message too long, exceed 20000 bytes")
        if not self.windows[token].admits():
            return _answer(130101, "send too fast, exceed 20 times per minute")
        self.said[token].append(json.loads(request.body))
        return _answer(0, "ok")

    def _signed(self, query: Mapping[str, str], secret: str) -> bool:
        stamp = query.get("timestamp", "0")
        if abs(self._clock().timestamp() * 1000 - int(stamp)) > HOUR / timedelta(milliseconds=1):
            return False
        wanted = hmac.digest(secret.encode(), (stamp + "\n" + secret).encode(), hashlib.sha256)
        return base64.b64encode(wanted).decode() == query.get("sign")

    def texts(self, token: str) -> list[str]:
        """What stands in the group, in order."""
        return [m["text"]["content"] if m["msgtype"] == "text" else m["markdown"]["text"] for m in self.said[token]]


def _answer(code: int, text: str) -> Reply:
    return Reply(body=json.dumps({"errcode": code, "errmsg": text}).encode())
