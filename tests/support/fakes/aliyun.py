"""Aliyun's SMS service: `SendSms`, as much of it as a sender meets."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from shared.clock import Clock
from tests.support.fakes.limit import Window
from tests.support.fakes.wire import Reply, Request

PLACE = re.compile(r"\$\{(\w+)\}")


class Aliyun:
    """`keys`: secrets by access key id; `templates`: their words by code. `said`: by number, the words as the phone shows them."""

    def __init__(
        self, clock: Clock, keys: Mapping[str, str], sign_name: str, templates: Mapping[str, str], per_minute: int = 1
    ) -> None:
        self._clock = clock
        self._keys = dict(keys)
        self._sign_name = sign_name
        self._templates = dict(templates)
        self._per_minute = per_minute
        self._nonces: set[str] = set()
        self.windows: dict[str, Window] = {}
        self.said: dict[str, list[str]] = {}

    def take(self, request: Request) -> Reply:
        asked = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        if request.path != "/" or request.method != "POST" or asked.get("Action") != "SendSms":
            return _answer("InvalidAction.NotFound", 404)
        fault = self._forged(asked) or self._unfit(asked)
        if fault is not None:
            return fault
        number = asked["PhoneNumbers"]
        if not self.windows.setdefault(number, Window(self._clock, self._per_minute)).admits():
            return _answer("isv.BUSINESS_LIMIT_CONTROL")
        places = json.loads(asked["TemplateParam"])
        words = PLACE.sub(lambda found: places[found[1]], self._templates[asked["TemplateCode"]])
        self.said.setdefault(number, []).append(f"【{self._sign_name}】{words}")
        return _answer("OK")

    def _forged(self, asked: Mapping[str, str]) -> Reply | None:
        secret = self._keys.get(asked.get("AccessKeyId", ""))
        if secret is None:
            return _answer("InvalidAccessKeyId.NotFound", 404)
        at = datetime.strptime(asked["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(self._clock() - at) > timedelta(minutes=15):
            return _answer("InvalidTimeStamp.Expired", 400)
        pairs = sorted((name, value) for name, value in asked.items() if name != "Signature")
        line = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
        wanted = hmac.digest(secret.encode() + b"&", b"POST&%2F&" + quote(line, safe="~").encode(), hashlib.sha1)
        if base64.b64encode(wanted).decode() != asked.get("Signature"):
            return _answer("SignatureDoesNotMatch", 400)
        if asked["SignatureNonce"] in self._nonces:
            return _answer("SignatureNonceUsed", 400)
        self._nonces.add(asked["SignatureNonce"])
        return None

    def _unfit(self, asked: Mapping[str, str]) -> Reply | None:
        if asked.get("SignName") != self._sign_name:
            return _answer("isv.SMS_SIGNATURE_ILLEGAL")
        words, places = self._templates.get(asked.get("TemplateCode", "")), json.loads(asked["TemplateParam"])
        if words is None:
            return _answer("isv.SMS_TEMPLATE_ILLEGAL")
        if not re.fullmatch(r"1[3-9]\d{9}", asked["PhoneNumbers"]):
            return _answer("isv.MOBILE_NUMBER_ILLEGAL")
        if not set(PLACE.findall(words)) <= set(places):
            return _answer("isv.TEMPLATE_MISSING_PARAMETERS")
        return _answer("isv.PARAM_LENGTH_LIMIT") if any(len(text) > 35 for text in places.values()) else None


def _answer(code: str, status: int = 200) -> Reply:
    return Reply(status, json.dumps({"Code": code, "Message": code, "RequestId": "R", "BizId": "1^0"}).encode())
