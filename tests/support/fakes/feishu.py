"""Feishu's group robots with a signature."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from tests.support.fakes.limit import SECOND, Window
from tests.support.fakes.wire import Reply, Request

PATH = "/open-apis/bot/v2/hook/"
HOUR = timedelta(hours=1)


class Feishu:
    """One robot for each hook; `secrets`: what its requests are signed with."""

    def __init__(self, clock: Clock, secrets: Mapping[str, str], per_minute: int = 100, per_second: int = 5) -> None:
        self._clock = clock
        self._secrets = dict(secrets)
        self.windows = {hook: Window(clock, per_minute, per_second) for hook in secrets}
        self.said: dict[str, list[dict[str, Any]]] = {hook: [] for hook in secrets}

    def take(self, request: Request) -> Reply:
        """200 as a rule; too many in a second is 400, as it has been seen to be."""
        hook = request.path.removeprefix(PATH)
        if not request.path.startswith(PATH) or request.method != "POST":
            return Reply(404)
        if hook not in self._secrets:
            return _answer(19001, "param invalid: incoming webhook access token invalid")
        message = json.loads(request.body)
        if len(request.body) > 20 * 1024 or not _is_post(message):
            return _answer(9499, "Bad Request", 400)
        if not self._signed(message, self._secrets[hook]):
            return _answer(19021, "sign match fail or timestamp is not within one hour from current time")
        window = self.windows[hook]
        if not window.admits():
            in_second = sum(1 for at in window.taken if at > self._clock() - SECOND)
            if in_second >= (window.per_second or 0):
                return _answer(9499, "too many request", 400)
            return _answer(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")
        self.said[hook].append(message)
        return _answer(0, "success")

    def _signed(self, message: Mapping[str, Any], secret: str) -> bool:
        stamp = str(message.get("timestamp", "0"))
        if abs(self._clock().timestamp() - int(stamp)) > HOUR.total_seconds():
            return False
        wanted = hmac.digest((stamp + "\n" + secret).encode(), b"", hashlib.sha256)
        return base64.b64encode(wanted).decode() == message.get("sign")

    def texts(self, hook: str) -> list[str]:
        """What stands in the group, in order: title and lines."""
        posts = [next(iter(message["content"]["post"].values())) for message in self.said[hook]]
        return ["\n".join([post["title"], *(_line(line) for line in post["content"])]) for post in posts]


def _is_post(message: Mapping[str, Any]) -> bool:
    return message.get("msg_type") == "post" and bool(message.get("content", {}).get("post"))


def _line(parts: list[dict[str, str]]) -> str:
    return "".join(part.get("text", "") + (part.get("href") or "") for part in parts)


def _answer(code: int, text: str, status: int = 200) -> Reply:
    return Reply(status, json.dumps({"code": code, "msg": text, "data": {}}).encode())
