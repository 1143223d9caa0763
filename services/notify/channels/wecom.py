"""WeCom (企业微信) group robots: https://developer.work.weixin.qq.com/document/path/91770

20 messages a minute, text of 2,048 bytes, markdown of 4,096. The secret holds `key`, the last part of the robot's address.
Urgent messages and those with mentions go as text, all others as markdown; a parcel with an image is the image alone.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from services.notify.channels.answers import JSON, Codes, Way, call, dump
from services.notify.channels.secret import Secrets
from services.notify.channels.wording import aloud, marked, plain, room
from services.notify.domain.channel import Endpoint, Outcome, Parcel, Refused
from shared.outward import Answer

URL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
TEXT_BYTES = 2048
MARKDOWN_BYTES = 4096
IMAGE_BYTES = 2 * 1024 * 1024

CODES = Codes("errcode", "0", {"45009": 60.0, "45033": 1.0, "-1": 0.0})
"""45009: too many in a minute; 45033: too many at once; -1: busy. The rest is final: docs/channels.md."""


class Wecom:
    """See `Channel`."""

    def __init__(self, way: Way, secrets: Secrets) -> None:
        self._way = way
        self._secrets = secrets

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        secret = self._secrets.get(endpoint.secret_name)
        if secret is None:
            return Refused("no_secret")
        if parcel.image is not None and len(parcel.image) > IMAGE_BYTES:
            return Refused("too_large")
        url = f"{endpoint.address or URL}?{urlencode({'key': secret['key']})}"
        answer = await call(self._way, url, dump(message(endpoint, parcel)), JSON)
        return CODES.outcome(answer) if isinstance(answer, Answer) else answer


def message(endpoint: Endpoint, parcel: Parcel) -> Mapping[str, Any]:
    """The body of the request."""
    if parcel.image is not None:
        digest = hashlib.md5(parcel.image, usedforsecurity=False).hexdigest()
        return {"msgtype": "image", "image": {"base64": base64.b64encode(parcel.image).decode(), "md5": digest}}
    if aloud(parcel):
        content = plain(parcel, room(endpoint, TEXT_BYTES))
        return {"msgtype": "text", "text": {"content": content, "mentioned_list": list(parcel.mentions)}}
    return {"msgtype": "markdown", "markdown": {"content": marked(parcel, room(endpoint, MARKDOWN_BYTES))}}
