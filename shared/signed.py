"""How what we post to servers of others is signed; `docs/department-guide.md` shows how the other side checks it."""

import hashlib
import hmac
from datetime import datetime

SIGNATURE = "Qianshao-Signature"


def signature(key: str, secret: str, at: datetime, body: bytes) -> str:
    """Value of the header `SIGNATURE`: the time is part of what is signed, so that an old message cannot be sent again."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},k={key},v1={digest}"
