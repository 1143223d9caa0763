"""A careful receiver of signed webhooks: old or forged ones are turned away, a second attempt is not a second message."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping

from shared.clock import Clock
from tests.support.fakes.limit import Window
from tests.support.fakes.wire import Reply, Request


class Hook:
    """`secrets` by key id."""

    def __init__(self, clock: Clock, secrets: Mapping[str, str], per_minute: int = 600) -> None:
        self._clock = clock
        self._secrets = dict(secrets)
        self.window = Window(clock, per_minute)
        self.said: dict[str, dict[str, str]] = {}

    def take(self, request: Request) -> Reply:
        if request.method != "POST" or request.path == "/":
            return Reply(404)
        if not self._genuine(request):
            return Reply(401)
        if len(request.body) > 64 * 1024:
            return Reply(413)
        if not self.window.admits():
            return Reply(429, headers={"Retry-After": "60"})
        self.said.setdefault(request.headers["idempotency-key"], json.loads(request.body))
        return Reply(204)

    def _genuine(self, request: Request) -> bool:
        found = re.fullmatch(r"t=(\d+),k=([^,]+),v1=([0-9a-f]{64})", request.headers.get("qianshao-signature", ""))
        if found is None or found[2] not in self._secrets or abs(self._clock().timestamp() - int(found[1])) > 300:
            return False
        message = found[1].encode() + b"." + request.body
        return hmac.digest(self._secrets[found[2]].encode(), message, hashlib.sha256).hex() == found[3]
