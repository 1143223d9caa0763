"""Who is calling: ES256 access tokens, checked against a mounted JWKS file with up to a few keys live for rotation."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request
from jwt import PyJWK

from shared.errors import Forbidden, Refused
from shared.settings import Settings

ALGORITHM = "ES256"
LEEWAY_SECONDS = 10


class Role(StrEnum):
    """What an account may do; where, is its scope."""

    RIDER = "rider"
    STAFF = "staff"
    DEPARTMENT = "department"
    LEAD = "lead"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class Unauthorized(Refused):
    """No token, or one that is not valid here."""

    status = 401
    code = "unauthorized"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `subdistrict` bounds everything; `communities` (empty: all of them) and `department` narrow it."""

    id: str
    role: Role
    subdistrict: str
    communities: tuple[str, ...] = ()
    department: str | None = None

    @property
    def actor(self) -> str:
        """As events name it: `kind:id`."""
        return f"{self.role}:{self.id}"

    def require(self, *roles: Role) -> None:
        """Raises `Forbidden` unless the caller has one of these roles."""
        if self.role not in roles:
            raise Forbidden(f"this needs the role {' or '.join(roles)}, you are {self.role}")


class TokenVerifier:
    """Checks signature, algorithm, key id, issuer, audience and expiry, then the claims that scopes are made of."""

    def __init__(self, keys: dict[str, PyJWK], issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    @classmethod
    def from_settings(cls, settings: Settings) -> "TokenVerifier":
        """Raises `ValueError` naming the file if it holds no usable key."""
        return cls(read_jwks(settings.jwks), settings.jwt_issuer, settings.jwt_audience)

    def verify(self, token: str) -> Principal:
        """Raises `Unauthorized`; says which check failed, never what the token contains."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise Unauthorized("the token is signed with a key that is not known here")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "iss", "aud"]},
            )
            return _principal(claims)
        except jwt.PyJWTError as error:
            raise Unauthorized(f"the token is not valid: {error}") from None


def read_jwks(path: Path) -> dict[str, PyJWK]:
    """Public ES256 keys by key id. Raises `ValueError` naming the file."""
    try:
        keys = {str(key["kid"]): PyJWK(key, algorithm=ALGORITHM) for key in json.loads(path.read_text())["keys"]}
    except (OSError, KeyError, TypeError, ValueError, jwt.PyJWTError) as error:
        raise ValueError(f"{path}: not a usable JWKS file: {error!r}") from error
    if not keys:
        raise ValueError(f"{path}: holds no key")
    return keys


def _principal(claims: dict[str, Any]) -> Principal:
    try:
        return Principal(
            id=str(claims["sub"]),
            role=Role(claims["role"]),
            subdistrict=str(claims["subdistrict"]),
            communities=tuple(str(code) for code in claims.get("communities", ())),
            department=claims.get("department"),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise Unauthorized(f"the token lacks a usable claim: {error}") from None


def caller(request: Request) -> Principal:
    """FastAPI dependency: the verified caller. Raises `Unauthorized`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("send an access token: Authorization: Bearer …")
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.verify(token.strip())


Caller = Annotated[Principal, Depends(caller)]
