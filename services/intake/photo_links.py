"""Links to a photo that need no token: for the `img` of a page and for a department's own system. Ten minutes each.

Whoever holds one sees the photo, so they are made only when somebody who may see it asks, and never stored or sent in events.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

from shared.errors import Forbidden

Size = Literal["full", "thumb"]

VALID = timedelta(minutes=10)
_USE = b"qianshao photo links 1"
_SHORTEST_SECRET = 32


class LinkRefused(Forbidden):
    """A link that this installation has not signed so."""

    code = "link-invalid"


class LinkExpired(Forbidden):
    """A link that was good once."""

    code = "link-expired"


@dataclass(frozen=True, slots=True)
class Link:
    """From the front door's root, for both sizes; good until `expires_at`."""

    photo: str
    url: str
    thumb_url: str
    expires_at: datetime


class PhotoLinks:
    """Signs with a key of its own, drawn from the secret that refresh tokens hang on."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _USE, hashlib.sha256)

    @classmethod
    def from_file(cls, secret_file: Path) -> "PhotoLinks":
        """Raises `ValueError` naming the file with a secret under 32 bytes."""
        secret = secret_file.read_bytes().strip()
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"{secret_file}: a secret needs at least {_SHORTEST_SECRET} bytes")
        return cls(secret)

    def mint(self, photo: str, now: datetime) -> Link:
        """For somebody who may see the photo: check that first."""
        expires = int((now + VALID).timestamp())
        return Link(
            photo,
            self._url(photo, "full", expires),
            self._url(photo, "thumb", expires),
            datetime.fromtimestamp(expires, now.tzinfo),
        )

    def check(self, photo: str, size: Size, expires: int, signature: str, now: datetime) -> int:
        """Seconds for which the link is still good. Raises `LinkRefused` for a changed one, `LinkExpired` for an old one."""
        wanted = self._signature(photo, size, expires)
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            raise LinkRefused("signature: this link was changed or is not from here; ask for a new one")
        left = expires - now.timestamp()
        if left <= 0:
            raise LinkExpired("expires: this link has expired; ask for a new one")
        return int(left)

    def _url(self, photo: str, size: Size, expires: int) -> str:
        query = urlencode({"size": size, "expires": expires, "signature": self._signature(photo, size, expires)})
        return f"/intake/v1/photos/{photo}/signed?{query}"

    def _signature(self, photo: str, size: Size, expires: int) -> str:
        return hmac.new(self._key, f"{photo}\n{size}\n{expires}".encode(), hashlib.sha256).hexdigest()
