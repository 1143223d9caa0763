"""Receipts for evidence, checked offline with intake's public keys."""

from datetime import datetime
from pathlib import Path
from typing import Any

import jwt

from services.dispatch.ports import Receipt
from shared.web.auth import ALGORITHM, read_jwks

AUDIENCE = "qianshao-dispatch"
ISSUER = "qianshao-intake"


class ReceiptVerifier:
    """See `Receipts`."""

    def __init__(self, jwks: Path, environment: str = "production") -> None:
        """Raises `ValueError` naming the file if it holds no usable key, or a demo's key outside development."""
        self._keys = read_jwks(jwks, environment)

    def verify(self, token: str) -> Receipt | None:
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                return None
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
            taken_at, place = claims.get("taken_at"), claims.get("place")
            return Receipt(
                photo=str(claims["photo"]),
                uploader=str(claims["uploader"]),
                received_at=datetime.fromisoformat(claims["received_at"]),
                taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
                place=None if place is None else (float(place["lng"]), float(place["lat"])),
            )
        except (jwt.PyJWTError, KeyError, ValueError, TypeError):
            return None
