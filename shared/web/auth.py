"""Who is calling: ES256 access tokens, checked against a mounted JWKS file with up to a few keys live for rotation.

A token comes as bearer, or for pages in a cookie. A browser adds cookies to whatever it is made to send, so then a command
must repeat a secret of its session in a header, which only a page of ours can read.
"""

import hmac
import json
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request
from jwt import PyJWK

from shared.errors import Forbidden, Refused
from shared.scope import Scope
from shared.settings import Settings

ALGORITHM = "ES256"
LEEWAY_SECONDS = 10
ACCESS_COOKIE = "qianshao_access"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REMEMBERED = 4_096
"""Valid tokens that are not checked again; the oldest goes first."""

DEMO = "demo-"
"""How the key ids of the embedded stack begin."""


class Role(StrEnum):
    """What an account may do; where, is its scope."""

    RIDER = "rider"
    STAFF = "staff"
    DEPARTMENT = "department"
    LEAD = "lead"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class CsrfMissing(Forbidden):
    """A command with a cookie and without the secret that a page of ours would have added."""

    code = "csrf"


class Unauthorized(Refused):
    """No token, or one that is not valid here."""

    status = 401
    code = "unauthorized"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `subdistrict` bounds everything; `communities` (empty: all of them) and `department` narrow it.

    `squad` and `captain` are a rider's; `session` is the device session, None for tokens made otherwise; `csrf` is what a
    command must repeat if the token came in a cookie.
    """

    id: str
    role: Role
    subdistrict: str
    communities: tuple[str, ...] = ()
    department: str | None = None
    squad: str | None = None
    captain: bool = False
    session: str | None = None
    csrf: str | None = None

    @property
    def actor(self) -> str:
        """As events name it: `kind:id`."""
        return f"{self.role}:{self.id}"

    @property
    def squad_led(self) -> str | None:
        """The squad whose captain he is."""
        return self.squad if self.captain and self.role is Role.RIDER else None

    @property
    def scope(self) -> Scope:
        """How far he sees."""
        department = self.department if self.role is Role.DEPARTMENT else None
        actor = f"department:{department}" if department else self.actor
        desk = self.role in (Role.STAFF, Role.LEAD)
        return Scope(self.id, actor, self.subdistrict, desk, self.communities, department)


class TokenVerifier:
    """Checks signature, algorithm, key id, issuer, audience and expiry, then the claims that scopes are made of."""

    def __init__(self, keys: dict[str, PyJWK], issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._known: dict[str, tuple[float, Principal]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> "TokenVerifier":
        """Raises `ValueError` naming the file if it holds no usable key, or a demo's key outside development."""
        return cls(read_jwks(settings.jwks, settings.environment), settings.jwt_issuer, settings.jwt_audience)

    def verify(self, token: str) -> Principal:
        """Raises `Unauthorized`; says which check failed, never what the token contains.

        A token that was valid is remembered until it expires: a phone sends the same one with every call of its minutes,
        and checking it takes a fifth of what accepting a report does.
        """
        until, principal = self._known.get(token, (0.0, None))
        if principal is not None and time.time() < until:
            return principal
        until, principal = self._checked(token)
        while len(self._known) >= REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[token] = until, principal
        return principal

    def _checked(self, token: str) -> tuple[float, Principal]:
        """Until when it holds (epoch seconds), and whose it is."""
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
            return float(claims["exp"]) + LEEWAY_SECONDS, _principal(claims)
        except jwt.PyJWTError as error:
            raise Unauthorized(f"the token is not valid: {error}") from None


def read_jwks(path: Path, environment: str = "production") -> dict[str, PyJWK]:
    """Public ES256 keys by key id. Raises `ValueError` naming the file, or the demo key that has no place in production."""
    try:
        keys = {str(key["kid"]): PyJWK(key, algorithm=ALGORITHM) for key in json.loads(path.read_text())["keys"]}
    except (OSError, KeyError, TypeError, ValueError, jwt.PyJWTError) as error:
        raise ValueError(f"{path}: not a usable JWKS file: {error!r}") from error
    if not keys:
        raise ValueError(f"{path}: holds no key")
    for key_id in keys:
        refuse_demo(key_id, environment)
    return keys


def refuse_demo(key_id: str, environment: str) -> None:
    """Raises `ValueError` for a key that `./run` made for everyone to use, outside development."""
    if environment != "development" and key_id.startswith(DEMO):
        raise ValueError(f"{key_id}: a demo's key; production needs keys of its own")


def _principal(claims: dict[str, Any]) -> Principal:
    role = next((role for role in Role if role == claims.get("role")), None)
    communities = claims.get("communities", [])
    if role is None:
        raise _unusable("role")
    if not isinstance(communities, list) or not all(isinstance(code, str) for code in communities):
        raise _unusable("communities")
    # without its department nobody could tell two departments apart
    has_department = role is Role.DEPARTMENT or claims.get("department") is not None
    return Principal(
        id=_text(claims, "sub"),
        role=role,
        subdistrict=_text(claims, "subdistrict"),
        communities=tuple(communities),
        department=_text(claims, "department") if has_department else None,
        squad=_optional(claims, "squad"),
        captain=claims.get("captain") is True,
        session=_optional(claims, "sid"),
        csrf=_optional(claims, "csrf"),
    )


def _optional(claims: dict[str, Any], name: str) -> str | None:
    return None if claims.get(name) is None else _text(claims, name)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _unusable(name)
    return value


def _unusable(claim: str) -> Unauthorized:
    return Unauthorized(f"the token has no usable claim {claim}")


def caller(request: Request) -> Principal:
    """FastAPI dependency: the verified caller. Raises `Unauthorized`, or `CsrfMissing` for a command with a cookie alone."""
    known: Principal | None = request.scope.get("principal")  # by the guard of the route
    if known is not None:
        return known
    verifier: TokenVerifier = request.app.state.verifier
    if len(request.headers.getlist("Authorization")) > 1:
        raise Unauthorized("send one header Authorization, not several")
    header, cookie = request.headers.get("Authorization"), request.cookies.get(ACCESS_COOKIE)
    if header is None and cookie:
        principal = verifier.verify(cookie)
        if request.method not in SAFE_METHODS:
            check_csrf(request, principal.csrf)
        return principal
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("send an access token: Authorization: Bearer …")
    return verifier.verify(token.strip())


def check_csrf(request: Request, expected: str | None) -> None:
    """Raises `CsrfMissing` unless the header repeats the secret; a token without one is not meant for cookies."""
    sent = request.headers.get(CSRF_HEADER, "")
    if expected is None or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise CsrfMissing(f"{CSRF_HEADER}: must repeat the value of the cookie qianshao_csrf")


async def the_caller(request: Request) -> Principal:
    """`caller` for routes: what is not async, FastAPI sends through a thread, which costs more than it does."""
    return caller(request)


Caller = Annotated[Principal, Depends(the_caller)]
