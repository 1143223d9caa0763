"""Demo keys and logins of the embedded stack. Made per state folder; compose and Kubernetes refuse them by key id."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ops.local.state import write_private

ALGORITHM = "ES256"
LIVE_KEYS = 2
"""As many are live, so that one can be replaced while tokens of the other are about; we sign with the first."""

ISSUER = AUDIENCE = "qianshao"
VALID = timedelta(days=30)

LOGINS: Mapping[str, Mapping[str, Any]] = {
    "rider": {"sub": "demo-rider", "role": "rider"},
    "staff": {"sub": "demo-staff", "role": "staff"},
    "department": {"sub": "demo-municipal", "role": "department", "department": "municipal"},
    "operator": {"sub": "demo-operator", "role": "operator"},
    "administrator": {"sub": "demo-administrator", "role": "administrator"},
}
"""Claims of each demo login, beside those every token has."""


FORGET_KEY = "keys/forget.secret"
"""In the state folder."""


def jwks(folder: Path, use: str) -> Path:
    """The file with the public keys for `use` ("access" or "receipt"), made with its private keys if absent."""
    public = folder / f"{use}.jwks.json"
    if not public.exists():
        keys = []
        for key_id in (key_name(use, number) for number in range(1, LIVE_KEYS + 1)):
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(folder / f"{key_id}.pem", _pem(key))
            described = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append({**described, "kid": key_id, "use": "sig", "alg": ALGORITHM})
        write_private(public, json.dumps({"keys": keys}, indent=2) + "\n")
    return public


def session_secret(folder: Path) -> Path:
    """The file with the secret that refresh tokens are made from, made if absent."""
    return _secret(folder / "session.secret")


def forget_key(folder: Path) -> Path:
    """The file with the key that pseudonyms of forgotten people are made with, made if absent."""
    return _secret(folder / Path(FORGET_KEY).name)


def _secret(file: Path) -> Path:
    if not file.exists():
        write_private(file, secrets.token_hex(32) + "\n")
    return file


def key_name(use: str, number: int = 1) -> str:
    """The key id, which says that it is a demo's."""
    return f"demo-{use}-{number}"


def private_key(folder: Path, use: str) -> Path:
    """The PEM file that signs for `use`; `jwks` makes it."""
    return folder / f"{key_name(use)}.pem"


def token(folder: Path, login: str, now: datetime, subdistrict: str, **changes: Any) -> str:
    """An access token for one of `LOGINS`, valid for 30 days; `changes` replace claims. Raises `KeyError`: no such login."""
    jwks(folder, "access")
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + VALID,
        "subdistrict": subdistrict,
        **LOGINS[login],
        **changes,
    }
    return jwt.encode(claims, private_key(folder, "access").read_text(), ALGORITHM, {"kid": key_name("access")})


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
