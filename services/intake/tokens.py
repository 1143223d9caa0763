"""What a session is carried by: access tokens that every service checks, refresh tokens that only we can make."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.intake.domain.account import Account
from services.intake.domain.session import Session, csrf_token, read_refresh_token, refresh_token

VALID = timedelta(minutes=10)
"""How long a role or a scope that was taken away still opens doors."""

_SHORTEST_SECRET = 32


class SessionTokens:
    """Signs with intake's ES256 session key, whose public half is in every service's JWKS file.

    Refresh tokens hang on a secret of their own, so that the key can be replaced without logging anybody out.
    """

    def __init__(self, key_file: Path, key_id: str, secret_file: Path, issuer: str, audience: str) -> None:
        """Raises `ValueError` naming the file without a P-256 private key, or with a secret under 32 bytes."""
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_file}: not an elliptic-curve private key")
        self._secret = secret_file.read_bytes().strip()
        if len(self._secret) < _SHORTEST_SECRET:
            raise ValueError(f"{secret_file}: a secret needs at least {_SHORTEST_SECRET} bytes")
        self._key = key
        self._key_id = key_id
        self._issuer = issuer
        self._audience = audience

    def access(self, session: Session, account: Account, now: datetime) -> str:
        """An access token for 10 minutes, with the scope that the account has now."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "exp": now + VALID,
            "sub": account.id,
            "sid": session.id,
            "role": account.role,
            "subdistrict": account.subdistrict,
            "communities": list(account.communities) or None,
            "department": account.department,
            "squad": account.squad,
            "captain": account.captain or None,
            "csrf": self.csrf(session.id) if session.client == "web" else None,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, self._key, algorithm="ES256", headers={"kid": self._key_id})

    def refresh(self, session: Session) -> str:
        """The newest refresh token of a session, the same one each time it is asked for."""
        return refresh_token(self._secret, session.id, session.generation)

    def read(self, token: str) -> tuple[str, int] | None:
        """(session, generation) of a refresh token of ours, else None."""
        return read_refresh_token(self._secret, token)

    def csrf(self, session: str) -> str:
        """What a page of this session repeats with each command."""
        return csrf_token(self._secret, session)
