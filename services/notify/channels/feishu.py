"""Feishu (飞书) group robots with a signature: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot

100 messages a minute and 5 a second, 20 KB a request. The secret holds `hook`, the last part of the robot's address, and
`secret`. Everything goes as a `post`, whose parts are marked: a text in it can mention nobody.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from services.notify.channels.answers import JSON, Codes, Way, call, dump, read
from services.notify.channels.secret import Secrets
from services.notify.channels.wording import EVERYONE, TITLE_BYTES, cut_quoted, more, room
from services.notify.domain.channel import Endpoint, Outcome, Parcel, Refused, Retry
from services.notify.domain.cutting import cut
from shared.clock import Clock
from shared.outward import Answer

URL = "https://open.feishu.cn/open-apis/bot/v2/hook"
TEXT_BYTES = 20_000 - 2_000
"""Of a request of 20 KB, less what is around the text."""

CODES = Codes("code", "0", {"11232": 60.0})
"""11232: too many in a minute or a second. The rest is final: docs/channels.md."""

_ANYTHING = "9499"
"""Says that a request is bad, and with other words that there were too many."""


class Feishu:
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
        stamp = seconds(self._clock())
        body = {"timestamp": stamp, "sign": sign(stamp, secret["secret"]), **message(endpoint, parcel)}
        url = f"{endpoint.address or URL}/{quote(secret['hook'], safe='')}"
        answer = await call(self._way, url, dump(body), JSON)
        return outcome(answer) if isinstance(answer, Answer) else answer


def outcome(answer: Answer) -> Outcome:
    """See `Codes.outcome`; one code has two meanings."""
    found, said = CODES.outcome(answer), read(answer) or {}
    if found == Refused(_ANYTHING) and "too many" in str(said.get("msg", "")).lower():
        return Retry(_ANYTHING, CODES.later["11232"])
    return found


def seconds(at: datetime) -> str:
    """As Feishu counts time."""
    return str(int(at.timestamp()))


def sign(stamp: str, secret: str) -> str:
    """The time and the secret are the key; what is signed is empty."""
    return base64.b64encode(hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def message(endpoint: Endpoint, parcel: Parcel) -> Mapping[str, Any]:
    """The body of the request without its signature."""
    lines = [[{"tag": "text", "text": cut_quoted(parcel.text, room(endpoint, TEXT_BYTES))}]]
    if parcel.link:
        lines.append([{"tag": "a", "text": more(parcel), "href": parcel.link}])
    if parcel.mentions:
        lines.append([{"tag": "at", "user_id": "all" if name == EVERYONE else name} for name in parcel.mentions])
    words = {"title": cut(parcel.title, TITLE_BYTES), "content": lines}
    return {"msg_type": "post", "content": {"post": {"en_us" if parcel.language == "en" else "zh_cn": words}}}
