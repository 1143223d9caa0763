"""SMS (短信) by Aliyun's `SendSms`, version 2017-05-25, signed by HMAC-SHA1 as its RPC interfaces are (signature version 1.0):
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms

A text message has the words of a template that the provider and the carriers have approved; only its places are filled in.
The secret holds `access_key_id` and `access_key_secret`; the endpoint's address is the telephone number.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlencode

from services.notify.channels.answers import Codes, Way, call
from services.notify.channels.secret import Secrets
from services.notify.domain.channel import Endpoint, Outcome, Parcel, Refused
from shared.clock import Clock
from shared.ids import NewId
from shared.outward import Answer

URL = "https://dysmsapi.aliyuncs.com/"
SECRET = "sms"  # noqa: S105 - its name
PLACE_CHARACTERS = 35
"""What one place of a template bears."""

_NUMBER = re.compile(r"(\+?86)?1[3-9][0-9]{9}")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_MINUTE, _HOUR = 60.0, 3600.0

CODES = Codes(
    "Code",
    "OK",
    {
        "isv.BUSINESS_LIMIT_CONTROL": _HOUR,  # one number a minute, an hour or a day: it does not say which
        "isv.DAY_LIMIT_CONTROL": _HOUR,
        "isp.SYSTEM_ERROR": 0.0,
        "Throttling": _MINUTE,
        "Throttling.User": _MINUTE,
        "Throttling.Api": _MINUTE,
        "ServiceUnavailable": 0.0,
        "SignatureNonceUsed": 0.0,
    },
)
"""The rest is final: docs/channels.md."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered at the provider: the sender's name and, by our template's name, the code of theirs."""

    sign_name: str
    templates: Mapping[str, str] = field(default_factory=dict)


class Sms:
    """See `Channel`."""

    def __init__(
        self, way: Way, secrets: Secrets, registered: Registered, clock: Clock, new_id: NewId, url: str = URL
    ) -> None:
        self._way = way
        self._secrets = secrets
        self._registered = registered
        self._clock = clock
        self._new_id = new_id
        self._url = url

    async def send(self, endpoint: Endpoint, parcel: Parcel) -> Outcome:
        secret = self._secrets.get(endpoint.secret_name or SECRET)
        template = self._registered.templates.get(parcel.template)
        if secret is None or template is None:
            return Refused("no_secret" if secret is None else "no_template")
        if not _NUMBER.fullmatch(endpoint.address):
            return Refused("no_number")
        asked = {
            "AccessKeyId": secret["access_key_id"],
            "Timestamp": zulu(self._clock()),
            "SignatureNonce": self._new_id(),
            "PhoneNumbers": endpoint.address,
            "SignName": self._registered.sign_name,
            "TemplateCode": template,
            "TemplateParam": places(parcel),
            "OutId": hashlib.sha256(parcel.key.encode()).hexdigest()[:32],
            **_FIXED,
        }
        signed = {**asked, "Signature": sign("POST", asked, secret["access_key_secret"])}
        answer = await call(self._way, self._url, urlencode(signed).encode(), _FORM)
        return CODES.outcome(answer) if isinstance(answer, Answer) else answer


_FIXED = {
    "Action": "SendSms",
    "Version": "2017-05-25",
    "RegionId": "cn-hangzhou",
    "Format": "JSON",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
}


def places(parcel: Parcel) -> str:
    """What is filled in, as JSON; each cut to what a place bears."""
    parts = {name: _short(text) for name, text in parcel.parts.items()}
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _short(text: str) -> str:
    return text if len(text) <= PLACE_CHARACTERS else text[: PLACE_CHARACTERS - 1] + "…"


def zulu(at: datetime) -> str:
    """As Aliyun writes time: UTC, whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def sign(method: str, asked: Mapping[str, str], secret: str) -> str:
    """The value of `Signature` for all other parameters."""
    sorted_ = "&".join(f"{_escaped(name)}={_escaped(asked[name])}" for name in sorted(asked))
    digest = hmac.new(f"{secret}&".encode(), f"{method}&%2F&{_escaped(sorted_)}".encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")
