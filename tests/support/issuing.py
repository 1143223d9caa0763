"""A little OIDC issuer on this machine: its key file over HTTP, and id tokens of any content."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI, Response
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.intake.issuers import Issuer
from tests.support.serving import served

NAME, AUDIENCE, NONCE = "https://id.example", "qianshao-web", "nonce-0123456789"
RSA_KEY = rsa.generate_private_key(65537, 2048)


class LittleIssuer:
    """`away` answers 503 instead of keys; `asked` counts how often they were asked for."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"k1": RSA_KEY}
        self.away = False
        self.body: bytes | None = None
        self.asked = 0
        self.url = ""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/jwks", response_model=None)
        async def jwks() -> Response | dict[str, Any]:
            self.asked += 1
            if self.away:
                return Response(status_code=503)
            if self.body is not None:
                return Response(self.body)
            return {"keys": [_public(key, kid) for kid, key in self.keys.items()]}

        return app

    def configured(self, **changes: Any) -> Issuer:
        """As it stands in the file."""
        return Issuer(**{"issuer": NAME, "audience": AUDIENCE, "jwks_url": f"{self.url}/jwks", **changes})

    def token(self, kid: str = "k1", algorithm: str = "RS256", key: Any = None, **changes: Any) -> str:
        """An id token; None leaves a claim out."""
        now = int(time.time())
        usual = {"iss": NAME, "aud": AUDIENCE, "iat": now, "exp": now + 300, "sub": "subject-1", "nonce": NONCE}
        claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        return jwt.encode(claims, key or self.keys[kid], algorithm, {"kid": kid})


def _public(key: Any, kid: str) -> dict[str, Any]:
    algorithm = ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else RSAAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@asynccontextmanager
async def issuing() -> AsyncIterator[LittleIssuer]:
    """One that runs until the block ends."""
    issuer = LittleIssuer()
    async with served(issuer.app()) as client:
        issuer.url = str(client.base_url).rstrip("/")
        yield issuer
