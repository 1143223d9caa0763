"""What every channel over HTTP has in common: the call, and what an answer means before its words are read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.notify.domain.channel import Outcome, Refused, Retry, Sent, Unknown
from shared.outward import Answer, NotAllowed, NotSent, Unanswered

AT_MOST = 16 * 1024
"""Bytes of an answer that are read: real ones have some hundred."""

JSON = {"Content-Type": "application/json; charset=utf-8"}

_LATER = (408, 425, 429)
_MINUTE = 60.0


class Way(Protocol):
    """The way out: `shared.outward.Outward`, or in tests the provider itself."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], at_most: int = 0) -> Answer:
        """Raises `NotAllowed`, `NotSent`, `Unanswered`."""
        ...


@dataclass(frozen=True, slots=True)
class Codes:
    """A provider's own answers. `ok` is success, `later` maps codes to the seconds after which it may be tried again;
    every other code is final."""

    field: str
    ok: str
    later: Mapping[str, float]

    def outcome(self, answer: Answer) -> Outcome:
        """What an answer means. Providers say most of it in the body, whatever the status."""
        said = read(answer)
        code = None if said is None or self.field not in said else str(said[self.field])
        if answer.status >= 500 and code not in self.later:
            return of_status(answer)
        if code is None:
            return of_status(answer) if answer.status >= 300 else Unknown("unreadable")
        if code == self.ok and answer.status < 300:
            return Sent(code)
        return Retry(code, self.later[code]) if code in self.later else Refused(code)


async def call(way: Way, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Outcome:
    """One attempt. An outcome is one where nobody answered."""
    try:
        return await way.post(url, body, headers, AT_MOST)
    except NotAllowed:
        return Refused("not_allowed")
    except NotSent:
        return Retry("no_connection")
    except Unanswered:
        return Unknown("no_answer")


def of_status(answer: Answer) -> Outcome:
    """What a bare status means. Redirects are not followed: whoever moved a robot has to say so here."""
    code = f"http_{answer.status}"
    if answer.status < 300:
        return Sent(code)
    if answer.status in _LATER or answer.status >= 500:
        return Retry(code, answer.retry_after or (_MINUTE if answer.status == 429 else 0.0))
    return Refused(code)


def read(answer: Answer) -> dict[str, Any] | None:
    """The object in the body, None if there is none that can be read."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def dump(body: Mapping[str, Any]) -> bytes:
    """JSON as short as can be: Chinese as itself, which is a third of its escapes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
