"""DingTalk (钉钉) group robots with a signature: https://open.dingtalk.com/document/robots/custom-robot-access

20 messages a minute, or nothing for ten minutes. The secret holds `access_token`, the last part of the robot's address, and
`secret`, which begins with SEC.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from services.notify.channels.answers import JSON, Codes, Way, call, dump
from services.notify.channels.secret import Secrets
from services.notify.channels.wording import EVERYONE, TITLE_BYTES, aloud, cut_quoted, marked, plain, room
from services.notify.domain.channel import LIMITS, Endpoint, Kind, Outcome, Parcel, Refused
from services.notify.domain.cutting import cut
from shared.clock import Clock
from shared.outward import Answer

URL = "https://oapi.dingtalk.com/robot/send"
TEXT_BYTES = 20_000 - 1_000
"""Of a request of 20,000 bytes, less what is around the text."""

_BLOCKED = LIMITS[Kind.DINGTALK].penalty_seconds
CODES = Codes("errcode", "0", {"130101": _BLOCKED, "410100": _BLOCKED, "-1": 0.0})
"""130101 and its newer name 410100: too many in a minute; -1: busy. The rest is final: docs/channels.md."""


class Dingtalk:
    """See `Channel`."""

    def __init__(self, way: Way, secrets: Secrets, clock: Clock) -> None:
        self._way = way
        self._secrets = secrets
        self._clock = clock

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        secret = self._secrets.get(endpoint.secret_name)
        if secret is None:
            return Refused("no_secret")
        if parcel.image is not None:
            return Refused("no_images")
        stamp = milliseconds(self._clock())
        query = {"access_token": secret["access_token"], "timestamp": stamp, "sign": sign(stamp, secret["secret"])}
        url = f"{endpoint.address or URL}?{urlencode(query)}"
        answer = await call(self._way, url, dump(message(endpoint, parcel)), JSON)
        return CODES.outcome(answer) if isinstance(answer, Answer) else answer


def milliseconds(at: datetime) -> str:
    """As DingTalk counts time."""
    return str(int(at.timestamp() * 1000))


def sign(stamp: str, secret: str) -> str:
    """Base64, not yet escaped for a URL."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def message(endpoint: Endpoint, parcel: Parcel) -> Mapping[str, Any]:
    """The body of the request."""
    most = room(endpoint, TEXT_BYTES)
    if not aloud(parcel):
        text = marked(parcel, most, cut_quoted)
        return {"msgtype": "markdown", "markdown": {"title": cut(parcel.title, TITLE_BYTES), "text": text}}
    users = [name for name in parcel.mentions if name != EVERYONE]
    at = {"atUserIds": users, "isAtAll": EVERYONE in parcel.mentions}
    return {"msgtype": "text", "text": {"content": plain(parcel, most, cut_quoted)}, "at": at}
