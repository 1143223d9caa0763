"""External OIDC issuers: which id tokens are believed, and how often an issuer is asked for its keys."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.intake.domain.account import Login
from services.intake.issuers import ASK_AGAIN_SECONDS, FRESH_SECONDS, MAX_BYTES, IdTokenRefused, IdTokens, read_issuers
from shared.errors import Unavailable
from tests.support.issuing import AUDIENCE, NAME, NONCE, RSA_KEY, LittleIssuer, issuing

NOW = int(time.time())


class Checking:
    """One issuer and what intake believes of it; `at` is the clock of its cache."""

    def __init__(self, issuer: LittleIssuer, http: httpx2.AsyncClient) -> None:
        self.issuer, self.http, self.at = issuer, http, 1_000.0
        self.configure()

    def configure(self, **changes: Any) -> None:
        self.tokens = IdTokens((self.issuer.configured(**changes),), self.http, lambda: self.at)

    async def who(self, token: str, nonce: str = NONCE) -> str:
        return (await self.tokens.check(token, nonce)).login.subject

    async def refusal(self, token: str, nonce: str = NONCE) -> str:
        with pytest.raises(IdTokenRefused) as refused:
            await self.tokens.check(token, nonce)
        assert refused.value.status == 401
        return refused.value.detail


@pytest.fixture
async def checking() -> AsyncIterator[Checking]:
    async with issuing() as issuer, httpx2.AsyncClient() as http:
        yield Checking(issuer, http)


async def test_a_good_token_is_believed(checking: Checking) -> None:
    found = await checking.tokens.check(checking.issuer.token(), NONCE)
    assert (found.login, found.nonce) == (Login(NAME, "subject-1"), NONCE)
    assert found.expires_at.timestamp() > NOW


async def test_the_subject_is_the_claim_that_was_configured(checking: Checking) -> None:
    checking.configure(subject_claim="employee_no")
    assert await checking.who(checking.issuer.token(employee_no="E-7")) == "E-7"
    assert "employee_no" in await checking.refusal(checking.issuer.token())
    assert "employee_no" in await checking.refusal(checking.issuer.token(employee_no=7))


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"iss": "https://other.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "somebody"}, "udience"),
        ({"aud": None}, "aud"),
        ({"aud": [AUDIENCE, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"exp": NOW - 60}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": NOW + 3600}, "not yet valid"),
        ({"nonce": "another-0123456789"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": "x" * 201}, "sub"),
    ],
)
async def test_a_wrong_claim_is_refused_and_not_repeated(checking: Checking, wrong: dict[str, Any], word: str) -> None:
    detail = await checking.refusal(checking.issuer.token(**wrong))
    assert word in detail
    assert "another" not in detail
    assert await checking.who(checking.issuer.token(aud=[AUDIENCE, "another"], azp=AUDIENCE)) == "subject-1"


async def test_only_what_is_configured_signs(checking: Checking) -> None:
    checking.issuer.keys["e1"] = ec.generate_private_key(ec.SECP256R1())
    elliptic = checking.issuer.token("e1", "ES256")
    assert "no such key" in await checking.refusal(elliptic)
    checking.configure(algorithms=["RS256", "ES256"])
    assert await checking.who(elliptic) == "subject-1"
    checking.configure(algorithms=["ES256"])
    await checking.refusal(checking.issuer.token())


async def test_forged_tokens_are_refused(checking: Checking) -> None:
    another = rsa.generate_private_key(65537, 2048)
    await checking.refusal(checking.issuer.token(key=another))
    await checking.refusal(checking.issuer.token(algorithm="RS512"))
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, _ = checking.issuer.token().split(".")
    hs = jwt.api_jws.PyJWS()
    for algorithm, key in (("none", None), ("HS256", public)):
        try:
            forged = hs.encode(json.dumps({"iss": NAME}).encode(), key or "", algorithm, {"kid": "k1"})
        except jwt.InvalidKeyError:  # the library itself does not let a public key be a secret
            continue
        await checking.refusal(forged)
    for rubbish in ("", "x", "a.b.c", f"{head}.{body}.", f"{head}.{body}.AAAA"):
        await checking.refusal(rubbish)


async def test_an_unknown_key_is_asked_for_at_most_once_a_minute(checking: Checking) -> None:
    assert await checking.who(checking.issuer.token()) == "subject-1"
    checking.issuer.keys["k2"] = rsa.generate_private_key(65537, 2048)
    newer = checking.issuer.token("k2")
    for _ in range(5):
        await checking.refusal(newer)
    assert checking.issuer.asked == 1
    checking.at += ASK_AGAIN_SECONDS
    assert await checking.who(newer) == "subject-1"
    assert checking.issuer.asked == 2


async def test_old_keys_go_on_while_the_issuer_is_away(checking: Checking) -> None:
    assert await checking.who(checking.issuer.token()) == "subject-1"
    checking.issuer.away = True
    checking.at += FRESH_SECONDS + 1
    assert await checking.who(checking.issuer.token()) == "subject-1"
    assert await checking.who(checking.issuer.token()) == "subject-1"
    assert checking.issuer.asked == 2
    # back again with another key, the old one is gone
    checking.issuer.away, checking.issuer.keys = False, {"k9": rsa.generate_private_key(65537, 2048)}
    checking.at += ASK_AGAIN_SECONDS
    assert await checking.who(checking.issuer.token("k9")) == "subject-1"
    await checking.refusal(checking.issuer.token("k1", key=RSA_KEY))


async def test_an_issuer_that_never_answered_is_trouble_that_may_pass(checking: Checking) -> None:
    checking.issuer.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await checking.tokens.check(checking.issuer.token(), NONCE)
    assert checking.issuer.asked == 1
    for body in (b"x" * (MAX_BYTES + 1), b"[]", b"{", b'{"keys": []}', b'{"keys": [1]}', b'{"keys": {}}', b"null"):
        checking.issuer.away, checking.issuer.body = False, body
        checking.at += ASK_AGAIN_SECONDS
        with pytest.raises(Unavailable):
            await checking.tokens.check(checking.issuer.token(), NONCE)
    checking.issuer.body = None
    checking.at += ASK_AGAIN_SECONDS
    assert await checking.who(checking.issuer.token()) == "subject-1"


def test_the_file_of_issuers(tmp_path: Path) -> None:
    assert read_issuers(None) == ()
    file = tmp_path / "issuers.yaml"
    good = {"issuer": NAME, "audience": AUDIENCE, "jwks_url": "https://id.example/jwks", "subject_claim": "sub"}
    file.write_text(json.dumps([good]), encoding="utf-8")
    assert read_issuers(file)[0].algorithms == ("RS256",)
    for wrong in (
        [{**good, "jwks_url": "http://id.example/jwks"}],
        [{**good, "jwks_url": "file:///etc/passwd"}],
        [{**good, "algorithms": ["HS256"]}],
        [{**good, "algorithms": []}],
        [{**good, "secret": "x"}],
        [good, good],
        {"issuer": NAME},
        "text",
    ):
        file.write_text(json.dumps(wrong), encoding="utf-8")
        with pytest.raises(ValueError, match=r"issuers\.yaml"):
            read_issuers(file)
    with pytest.raises(ValueError, match="absent"):
        read_issuers(tmp_path / "absent")
