"""Signed receipts for evidence: a department shows dispatch, without a call between services, that intake has its photo."""

from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.intake.ports import Photo

AUDIENCE = "qianshao-dispatch"
ISSUER = "qianshao-intake"


class ReceiptSigner:
    """Signs with intake's ES256 key; dispatch checks with the public half from its own mounted file."""

    def __init__(self, key_file: Path, key_id: str) -> None:
        """Raises `ValueError` naming the file if it holds no P-256 private key."""
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_file}: not an elliptic-curve private key")
        self._key = key
        self._key_id = key_id

    def sign(self, photo: Photo) -> str:
        """A receipt as compact JWS. It does not expire: that a photo was received stays true."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "photo": photo.id,
            "sha256": photo.sha256,
            "uploader": photo.uploader,
            "received_at": photo.received_at.isoformat(),
            "taken_at": _text(photo.taken_at),
            "place": None if photo.gps is None else {"lng": photo.gps[0], "lat": photo.gps[1]},
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id, "typ": "receipt+jwt"})


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
