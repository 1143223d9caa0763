"""How a rider shows at the desk that a redemption is his: a token for a QR code that lives 60 seconds, or 8 digits.

Both are made from a secret of that one redemption, which goes when it is over: there is no key to keep, to rotate or to
lose, and nothing that was shown once is worth anything afterwards.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Invalid

VALID = timedelta(seconds=60)
SKEW = timedelta(seconds=5)
"""How far the clocks of two api processes may differ."""

DIGITS = 8
CODES = 4
"""Candidates for a code; the first that no open redemption of the home has is taken."""

_FORMAT = "q1"
_LONGEST = 200


class TokenExpired(Invalid):
    """Show a fresh one."""

    code = "token-expired"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a token says, not yet known to be true."""

    redemption: str
    expires: int
    signature: str


def token(redemption: str, secret: str, now: datetime) -> str:
    """For the next 60 seconds."""
    expires = int((now + VALID).timestamp())
    return f"{_FORMAT}.{redemption}.{expires}.{_sign(redemption, secret, expires)}"


def read_token(text: str) -> Shown:
    """Raises `Invalid` for what is no token of ours."""
    parts = text.split(".") if len(text) <= _LONGEST else []
    if (
        len(parts) != 4
        or parts[0] != _FORMAT
        or not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) <= 12)
    ):
        raise Invalid.field("token", "is not a code for picking up; scan the one on the rider's page")
    return Shown(parts[1], int(parts[2]), parts[3])


def check_token(shown: Shown, secret: str, now: datetime) -> None:
    """Raises `Invalid` for a forged token, `TokenExpired` for an old one."""
    if not hmac.compare_digest(_sign(shown.redemption, secret, shown.expires).encode(), shown.signature.encode()):
        raise Invalid.field("token", "was not made for this redemption")
    left = datetime.fromtimestamp(shown.expires, now.tzinfo) - now
    if left <= timedelta() or left > VALID + SKEW:
        raise TokenExpired("token: is more than a minute old; the rider's page shows a fresh one")


def codes(redemption: str, secret: str) -> tuple[str, ...]:
    """Candidates, of 8 digits each."""
    digests = (_digest(f"code/{number}/{redemption}", secret) for number in range(CODES))
    return tuple(f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}}" for digest in digests)


def code_id(home: str, code: str) -> str:
    """A code is bound to its home."""
    return f"{home}|{code}"


def _sign(redemption: str, secret: str, expires: int) -> str:
    return base64.urlsafe_b64encode(_digest(f"{_FORMAT}/{redemption}/{expires}", secret)).decode().rstrip("=")


def _digest(text: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
