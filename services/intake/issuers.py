"""External OIDC issuers: which there are, their public keys, and what an id token of theirs says.

The only place where a service asks the outside anything while a person waits, so it is bounded in every way, and an
issuer that is away stops nobody whose keys we have seen.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2
import jwt
import structlog
import yaml
from jwt import PyJWK
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.intake.domain.account import Login
from shared.errors import Refused, Unavailable

log = structlog.get_logger(__name__)

FRESH_SECONDS = 3600.0
"""After this long keys are asked for again; without an answer the old ones go on."""

ASK_AGAIN_SECONDS = 60.0
"""An unknown key id, or an issuer that is away, is not asked about more often."""

MAX_BYTES = 256 * 1024
MAX_KEYS = 50
_TIMEOUT = 3.0
_LEEWAY = 10


class IdTokenRefused(Refused):
    """Not a token of a configured issuer for us; says which check failed, never what the token contains."""

    status = 401
    code = "id-token"


class Issuer(BaseModel):
    """One line of the file `QIANSHAO_OIDC_ISSUERS`. `subject_claim` names who it is, `sub` unless the issuer has a better one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1, max_length=200)
    audience: str = Field(min_length=1, max_length=200)
    jwks_url: str = Field(pattern=r"^https://|^http://(127\.0\.0\.1|\[::1\]|localhost)[:/]")
    subject_claim: str = Field(default="sub", pattern="^[A-Za-z0-9_]{1,40}$")
    algorithms: Annotated[tuple[Literal["RS256", "ES256"], ...], Field(min_length=1)] = ("RS256",)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an id token speaks of. `expires_at`: then it can be forgotten that it was used."""

    login: Login
    nonce: str
    expires_at: datetime


def read_issuers(path: Path | None) -> tuple[Issuer, ...]:
    """The configured issuers, none without a file. Raises `ValueError` naming the file and what is wrong in it."""
    if path is None:
        return ()
    try:
        found = TypeAdapter(tuple[Issuer, ...]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path}: not a usable list of issuers: {error}") from error
    if len({issuer.issuer for issuer in found}) < len(found):
        raise ValueError(f"{path}: the same issuer twice")
    return found


class IssuerKeys:
    """The public keys of one issuer, asked for when needed and kept while it does not answer."""

    def __init__(self, issuer: Issuer, http: httpx2.AsyncClient, monotonic: Callable[[], float]) -> None:
        self._issuer = issuer
        self._http = http
        self._monotonic = monotonic
        self._keys: Mapping[str, PyJWK] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def key(self, key_id: str) -> PyJWK | None:
        """The key, None if the issuer has no such one. Raises `Unavailable` if it never answered."""
        async with self._asking:
            if self._is_due(key_id):
                await self._ask()
        if self._read_at is None:
            raise Unavailable("the issuer of this login does not answer", retry_after_seconds=60)
        return self._keys.get(key_id)

    def _is_due(self, key_id: str) -> bool:
        now = self._monotonic()
        if self._asked_at is not None and now - self._asked_at < ASK_AGAIN_SECONDS:
            return False
        old = self._read_at is None or now - self._read_at > FRESH_SECONDS
        return old or key_id not in self._keys

    async def _ask(self) -> None:
        self._asked_at = self._monotonic()
        try:
            async with asyncio.timeout(_TIMEOUT):
                self._keys = _keys_in(await self._fetch(), self._issuer.algorithms)
        except (httpx2.HTTPError, TimeoutError, ValueError, LookupError, TypeError, AttributeError) as error:
            log.warning("an issuer's keys could not be read", issuer=self._issuer.issuer, error=repr(error)[:200])
        else:
            self._read_at = self._asked_at

    async def _fetch(self) -> bytes:
        body = b""
        async with self._http.stream("GET", self._issuer.jwks_url) as answer:
            if answer.status_code != httpx2.codes.OK:
                raise ValueError(f"HTTP {answer.status_code}")
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise ValueError(f"over {MAX_BYTES} bytes")
        return body


def _keys_in(body: bytes, algorithms: tuple[str, ...]) -> dict[str, PyJWK]:
    """Keys by id, each tied to the algorithm that fits its type. Others, such as those for encryption, are passed over."""
    listed = json.loads(body)["keys"]
    found: dict[str, PyJWK] = {}
    for entry in listed[:MAX_KEYS]:
        algorithm = {"RSA": "RS256", "EC": "ES256"}.get(entry.get("kty"))
        if algorithm not in algorithms or entry.get("use", "sig") != "sig" or "kid" not in entry:
            continue
        try:
            found[str(entry["kid"])] = PyJWK(entry, algorithm=algorithm)
        except jwt.PyJWTError:
            continue
    if not found:
        raise ValueError("no usable key")
    return found


class IdTokens:
    """Checks id tokens of the configured issuers."""

    def __init__(
        self,
        issuers: tuple[Issuer, ...],
        http: httpx2.AsyncClient,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuers = {issuer.issuer: (issuer, IssuerKeys(issuer, http, monotonic)) for issuer in issuers}

    async def check(self, token: str, nonce: str) -> Identity:
        """Who the token speaks of. Raises `IdTokenRefused`, or `Unavailable` while its issuer's keys are not known."""
        try:
            named = jwt.decode(token, options={"verify_signature": False}).get("iss")
            header = jwt.get_unverified_header(token)
            if not isinstance(named, str) or named not in self._issuers:
                raise IdTokenRefused("id_token: its issuer is not one of ours")
            issuer, keys = self._issuers[named]
            key = await keys.key(str(header.get("kid")))
            if key is None:
                raise IdTokenRefused("id_token: its issuer has no such key")
            return _identity(issuer, _claims(token, key, issuer), nonce)
        except jwt.PyJWTError as error:
            raise IdTokenRefused(f"id_token: is not valid: {error}") from None


def _claims(token: str, key: PyJWK, issuer: Issuer) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=list(issuer.algorithms),
        issuer=issuer.issuer,
        audience=issuer.audience,
        leeway=_LEEWAY,
        options={"require": ["exp", "iat", "iss", "aud", "nonce", issuer.subject_claim]},
    )
    return claims


def _identity(issuer: Issuer, claims: dict[str, Any], nonce: str) -> Identity:
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != issuer.audience:
        raise IdTokenRefused("id_token: was made for somebody else: azp")
    if claims["nonce"] != nonce:
        raise IdTokenRefused("id_token: its nonce is not the one that was sent")
    subject = claims[issuer.subject_claim]
    if not isinstance(subject, str) or not 0 < len(subject) <= 200:
        raise IdTokenRefused(f"id_token: has no usable claim {issuer.subject_claim}")
    expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
    return Identity(Login(issuer.issuer, subject), nonce, expires_at)
