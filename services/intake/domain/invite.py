"""One-time links by which a person gets a session: a code that only the person holds, and its digest that we keep."""

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.intake.domain.account import LOGS_IN, Account

VALID = timedelta(days=7)
SECRET_BYTES = 16
"""128 random bits; nobody finds them by trying, so one round of SHA-256 is enough for what is stored."""

Verdict = Literal["good", "unknown", "used", "expired"]


@dataclass(frozen=True, slots=True)
class Invite:
    """The invitation of an account, `id` is the account's: a new one takes the place of the older. `digest` is of the code."""

    id: str
    digest: str
    made_at: datetime
    expires_at: datetime
    made_by: str
    used_at: datetime | None = None


def code_of(account: str, secret: bytes) -> str:
    """The code: which account, and the secret. Raises `ValueError` for an id that is no UUID."""
    return base64.urlsafe_b64encode(uuid.UUID(account).bytes + secret).rstrip(b"=").decode()


def account_of(code: str) -> str | None:
    """Whose code it would be, None if it is no code at all."""
    try:
        raw = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return str(uuid.UUID(bytes=raw[:16])) if len(raw) == 16 + SECRET_BYTES else None


def digest_of(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def invite(account: str, code: str, made_by: str, now: datetime) -> Invite:
    """A fresh invitation."""
    return Invite(account, digest_of(code), now, now + VALID, made_by)


def judge(invite: Invite | None, code: str, now: datetime) -> Verdict:
    """What a code is worth. Why it is worth nothing is told only to whoever holds it."""
    if invite is None or not hmac.compare_digest(invite.digest, digest_of(code)):
        return "unknown"
    if invite.used_at is not None:
        return "used"
    return "good" if now < invite.expires_at else "expired"


def may_invite(account: Account, role: str, subdistrict: str, communities: tuple[str, ...]) -> bool:
    """An administrator invites everyone of his sub-district; staff the riders of their communities, and nobody who may do
    more than they: whoever makes a link could use it himself."""
    if account.subdistrict != subdistrict or account.status not in LOGS_IN:
        return False
    if role == "staff":
        return account.role == "rider" and (not communities or account.community in communities)
    return role == "administrator"
