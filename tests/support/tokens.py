"""Access tokens as the test needs them, right and wrong: an ES256 key, its JWKS file, and tokens of any content."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm

ISSUER = AUDIENCE = "qianshao"
KEY_ID = "test-1"


class Signer:
    """One key pair. `claims` and `token` are valid unless something is given otherwise; None leaves a claim out."""

    def __init__(self, key_id: str = KEY_ID) -> None:
        self.key_id = key_id
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwk(self) -> dict[str, Any]:
        """The public half as a JWKS entry."""
        public: dict[str, Any] = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": self.key_id, "alg": "ES256", "use": "sig"}

    def write_jwks(self, path: Path, *others: "Signer") -> Path:
        """A JWKS file with this key and those of `others`."""
        path.write_text(json.dumps({"keys": [self.jwk(), *(other.jwk() for other in others)]}), encoding="utf-8")
        return path

    def write_private_key(self, path: Path) -> Path:
        """The private half as PEM, for what signs receipts."""
        path.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    def public_pem(self) -> bytes:
        """What an attacker knows as well as we do."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(
        self, role: str = "rider", sub: str = "rider-1", *, header: dict[str, Any] | None = None, **more: Any
    ) -> str:
        """A token signed with this key."""
        return jwt.encode(claims(role, sub, **more), self.key, "ES256", {"kid": self.key_id, **(header or {})})


def claims(role: str = "rider", sub: str = "rider-1", **more: Any) -> dict[str, Any]:
    """Claims of a caller in Beidajie, for a day: a token made when a module is imported outlasts the longest session."""
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 86_400,
        "sub": sub,
        "role": role,
        "subdistrict": "140302003",
    }
    return {name: value for name, value in {**usual, **more}.items() if value is not None}


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
