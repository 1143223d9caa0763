"""Tokens, right and forged, and what a caller may do."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from shared.scope import Scope
from shared.web import auth
from shared.web.auth import Principal, Role, TokenVerifier, Unauthorized, read_jwks
from tests.support.tokens import AUDIENCE, ISSUER, KEY_ID, Signer, claims

NOW = int(time.time())


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def verifier(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    return TokenVerifier(read_jwks(signer.write_jwks(tmp_path_factory.mktemp("jwks") / "jwks.json")), ISSUER, AUDIENCE)


def part(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthorized) as refused:
        verifier.verify(token)
    assert refused.value.status == 401
    return refused.value.detail


def test_a_valid_token_is_a_caller(verifier: TokenVerifier, signer: Signer) -> None:
    assert verifier.verify(signer.token()) == Principal("rider-1", Role.RIDER, "140302003")
    token = signer.token("department", "acc-7", department="water", communities=["140302003001"])
    assert verifier.verify(token) == Principal("acc-7", Role.DEPARTMENT, "140302003", ("140302003001",), "water")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_an_unsigned_token_is_refused(verifier: TokenVerifier, algorithm: str) -> None:
    unsigned = f"{part({'alg': algorithm, 'kid': KEY_ID})}.{part(claims('administrator'))}."
    refusal(verifier, unsigned)
    refusal(verifier, unsigned + part(b"x"))


def test_the_public_key_is_no_shared_secret(verifier: TokenVerifier, signer: Signer) -> None:
    """The classic confusion: HS256 with what everybody can read."""
    secrets = [signer.public_pem(), json.dumps(signer.jwk()).encode(), signer.jwk()["x"].encode()]
    for secret in secrets:
        signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': KEY_ID})}.{part(claims('administrator'))}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert "alg value is not allowed" in refusal(verifier, f"{signed}.{part(mac)}")


@pytest.mark.parametrize("algorithm", ["RS256", "ES384", "ES512", "PS256", "EdDSA", "HS512"])
def test_the_header_does_not_choose_the_algorithm(verifier: TokenVerifier, signer: Signer, algorithm: str) -> None:
    _, body, signature = signer.token().split(".")
    refusal(verifier, f"{part({'alg': algorithm, 'kid': KEY_ID})}.{body}.{signature}")


def test_another_key_under_our_key_id_is_refused(verifier: TokenVerifier) -> None:
    assert "ignature" in refusal(verifier, Signer(KEY_ID).token("administrator"))


@pytest.mark.parametrize("key_id", ["test-2", "", "../../etc/passwd", None, 7, ["test-1"], {"a": 1}])
def test_an_unknown_key_id_is_refused(verifier: TokenVerifier, signer: Signer, key_id: Any) -> None:
    _, body, signature = signer.token().split(".")
    refusal(verifier, f"{part({'alg': 'ES256', 'kid': key_id})}.{body}.{signature}")
    refusal(verifier, f"{part({'alg': 'ES256'})}.{body}.{signature}")


def test_a_key_that_travels_in_the_header_is_not_used(verifier: TokenVerifier) -> None:
    attacker = Signer("attacker")
    refusal(verifier, attacker.token("administrator", header={"jwk": attacker.jwk()}))
    refusal(verifier, attacker.token("administrator", header={"jwk": attacker.jwk(), "kid": KEY_ID}))


def test_changed_claims_are_refused(verifier: TokenVerifier, signer: Signer) -> None:
    header, _, signature = signer.token().split(".")
    refusal(verifier, f"{header}.{part(claims('administrator'))}.{signature}")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"iss": "somebody"}, "ssuer"),
        ({"iss": "qianshao-intake"}, "ssuer"),
        ({"aud": "qianshao-dispatch"}, "udience"),
        ({"aud": []}, "aud"),
        ({"exp": NOW - 60}, "expired"),
        ({"iat": NOW + 86_400}, "not yet valid"),
        ({"nbf": NOW + 86_400}, "not yet valid"),
        ({"exp": "tomorrow"}, "exp"),
        ({"iss": None}, "iss"),
        ({"aud": None}, "aud"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"role": None}, "role"),
        ({"subdistrict": None}, "subdistrict"),
        ({"role": "emperor"}, "role"),
        ({"role": ["rider"]}, "role"),
        ({"role": "Rider"}, "role"),
        ({"subdistrict": 140302003}, "subdistrict"),
        ({"subdistrict": ""}, "subdistrict"),
        ({"sub": ""}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"communities": "140302003001"}, "communities"),
        ({"communities": [1]}, "communities"),
        ({"role": "department"}, "department"),
        ({"role": "department", "department": ""}, "department"),
        ({"role": "department", "department": ["water"]}, "department"),
    ],
)
def test_a_wrong_or_missing_claim_is_refused_and_named_but_not_repeated(
    verifier: TokenVerifier, signer: Signer, wrong: dict[str, Any], word: str
) -> None:
    detail = refusal(verifier, signer.token(**wrong))
    assert word in detail
    assert not any(text in detail for text in ("emperor", "somebody", "140302003", "tomorrow"))


def test_clocks_may_differ_by_ten_seconds(verifier: TokenVerifier, signer: Signer) -> None:
    now = int(time.time())
    assert verifier.verify(signer.token(exp=now - 5))
    assert verifier.verify(signer.token(iat=now + 5))
    refusal(verifier, signer.token(exp=now - 15))


def test_a_token_that_was_valid_is_checked_no_second_time_and_ends_when_it_expires(
    verifier: TokenVerifier, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    token = signer.token(exp=int(now) + 60)
    first = verifier.verify(token)
    with monkeypatch.context() as patch:
        patch.setattr(jwt, "decode", None)
        assert verifier.verify(token) is first
    header, body, signature = token.split(".")
    refusal(verifier, f"{header}.{body}.{signature[:-4]}AAAA")
    monkeypatch.setattr(time, "time", lambda: now + 71)
    monkeypatch.setattr(jwt, "decode", _expired)
    refusal(verifier, token)


def test_only_so_many_tokens_are_remembered(
    verifier: TokenVerifier, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBERED", 2)
    oldest, *others = (signer.token(sub=f"rider-{number}") for number in range(3))
    for token in (oldest, *others):
        verifier.verify(token)
    monkeypatch.setattr(jwt, "decode", _expired)
    for token in others[1:]:
        verifier.verify(token)
    refusal(verifier, oldest)


def _expired(*_: Any, **__: Any) -> dict[str, Any]:
    raise jwt.ExpiredSignatureError("expired")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b.c",
        "a.b.c.d",
        "ü.ü.ü",
        f"{part([])}.{part({})}.x",
        f"{part(b'[' * 20_000)}.{part({})}.x",
        f"{part({'alg': 'ES256', 'kid': KEY_ID})}.{part(b'[]')}.{'A' * 86}",
        "A" * 100_000,
    ],
    ids=lambda token: repr(token[:12]),
)
def test_what_is_no_token_is_refused_and_breaks_nothing(verifier: TokenVerifier, token: str) -> None:
    refusal(verifier, token)


def test_a_receipt_is_no_access_token(verifier: TokenVerifier, signer: Signer) -> None:
    claims_ = {"iss": "qianshao-intake", "aud": "qianshao-dispatch", "photo": "p", "uploader": "department:water"}
    refusal(verifier, jwt.encode(claims_, signer.key, "ES256", {"kid": KEY_ID, "typ": "receipt+jwt"}))


def test_two_keys_live_side_by_side_for_rotation(signer: Signer, tmp_path: Path) -> None:
    new = Signer("test-2")
    both = TokenVerifier(read_jwks(signer.write_jwks(tmp_path / "jwks.json", new)), ISSUER, AUDIENCE)
    assert both.verify(signer.token()).id == both.verify(new.token()).id == "rider-1"
    refusal(both, Signer("test-3").token())


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"keys": []}', '{"keys": [{}]}', '{"keys": [{"kid": "a", "kty": "oct", "k": "c2VjcmV0"}]}', "{"],
)
def test_a_file_without_a_usable_key_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"jwks\.json"):
        read_jwks(path)
    with pytest.raises(ValueError, match="absent"):
        read_jwks(tmp_path / "absent")


def test_a_scope_follows_from_the_token_alone() -> None:
    here, mine = "140302003", ("140302003001",)
    rider = Principal("r", Role.RIDER, here, squad="squad-1", captain=True)
    assert (rider.actor, rider.scope) == ("rider:r", Scope("r", "rider:r", here))
    water = Principal("acc-7", Role.DEPARTMENT, here, department="water")
    assert water.scope == Scope("acc-7", "department:water", here, department="water")
    desk = Principal("s", Role.STAFF, here, mine, department="water").scope
    assert desk == Scope("s", "staff:s", here, desk=True, communities=mine)
    for role in (Role.OPERATOR, Role.ADMINISTRATOR, Role.RIDER, Role.DEPARTMENT):
        assert not Principal("x", role, here, department="water").scope.sees(here, None)


@pytest.mark.parametrize(
    ("communities", "community", "seen"),
    [((), "a", True), ((), None, True), (("a",), "a", True), (("a",), None, True), (("a",), "b", False)],
)
def test_a_desk_sees_its_communities_and_what_has_no_certain_place(
    communities: tuple[str, ...], community: str | None, seen: bool
) -> None:
    desk = Scope("s", "staff:s", "here", desk=True, communities=communities)
    assert desk.sees("here", community) is seen
    assert not desk.sees("elsewhere", community)


def test_a_demo_key_is_refused_by_name_outside_development(tmp_path: Path) -> None:
    demo = Signer("demo-access-1").write_jwks(tmp_path / "jwks.json")
    with pytest.raises(ValueError, match="demo-access-1"):
        read_jwks(demo)
    assert "demo-access-1" in read_jwks(demo, "development")
