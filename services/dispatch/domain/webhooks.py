"""A department's webhook: what is sent to it, and when it is tried again."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 30, 120, 600))
"""After the first failure, the second …"""

EVERY = timedelta(minutes=30)
"""After all further ones. Nothing is ever dropped."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a department wants to be told, and under which key the secret is kept that it is signed with."""

    department: str
    url: str
    key: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that has to arrive. `line` is what it must keep its order in: the order it is about.

    `tries` counts failures, `due` is when it may be tried (again), `stored` when it began to wait.
    """

    id: str
    department: str
    line: str
    body: bytes
    stored: datetime
    due: datetime
    tries: int = 0


def delay(tries: int) -> timedelta:
    """How long to wait after the failure number `tries`, counted from 1."""
    return DELAYS[tries - 1] if tries <= len(DELAYS) else EVERY


def structured(headers: list[tuple[str, bytes]], value: bytes) -> bytes:
    """The message of the topic as one JSON document: a CloudEvent in structured mode, `data` byte for byte the same."""
    attributes = {name.removeprefix("ce_"): text.decode() for name, text in headers if name.startswith("ce_")}
    head = json.dumps({**attributes, "datacontenttype": "application/json"}, ensure_ascii=False)
    return head[:-1].encode() + b', "data": ' + value + b"}"
