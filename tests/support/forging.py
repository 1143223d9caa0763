"""Tokens that must open nothing, made from one that would: the known attacks on JWT, each with our key id and our claims."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.tokens import Signer, claims


def part(content: Any) -> str:
    """One of the three parts of a token."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def forgeries(signer: Signer, role: str, sub: str, **more: Any) -> dict[str, str]:
    """By name of the attack; `signer.token(role, sub, **more)` is the one that is valid."""
    wanted = claims(role, sub, **more)
    return {
        **_unsigned(signer, wanted),
        **_with_another_key(signer, wanted),
        **_tampered(signer, wanted),
        **{name: _signed(signer, {**wanted, **wrong}) for name, wrong in _WRONG.items()},
    }


def _signed(signer: Signer, content: dict[str, Any]) -> str:
    told = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(told, signer.key, "ES256", {"kid": signer.key_id})


_WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "somebody"},
    "intake's receipts as issuer": {"iss": "qianshao-intake"},
    "another audience": {"aud": "qianshao-dispatch"},
    "expired": {"exp": int(time.time()) - 60},
    "never expires": {"exp": None},
    "not yet valid": {"nbf": int(time.time()) + 86_400},
    "from the future": {"iat": int(time.time()) + 86_400},
    "no role": {"role": None},
    "an unknown role": {"role": "root"},
    "no sub-district": {"subdistrict": None},
    "a department without department": {"role": "department", "department": None},
}


def _unsigned(signer: Signer, wanted: dict[str, Any]) -> dict[str, str]:
    body = part(wanted)
    found = {f"alg {name}": f"{part({'alg': name, 'kid': signer.key_id})}.{body}." for name in ("none", "None", "nOnE")}
    return {**found, "empty signature": f"{part({'alg': 'ES256', 'kid': signer.key_id})}.{body}."}


def _with_another_key(signer: Signer, wanted: dict[str, Any]) -> dict[str, str]:
    confused = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': signer.key_id})}.{part(wanted)}"
    mac = hmac.new(signer.public_pem(), confused.encode(), hashlib.sha256).digest()
    attacker = Signer(signer.key_id)
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def by_attacker(**header: Any) -> str:
        return jwt.encode(wanted, attacker.key, "ES256", {"kid": signer.key_id, **header})

    return {
        "HS256 with the public key": f"{confused}.{part(mac)}",
        "RS256": jwt.encode(wanted, rsa_key, "RS256", {"kid": signer.key_id}),
        "another key under our key id": by_attacker(),
        "its key in the header": by_attacker(jwk=attacker.jwk()),
        "its key at an address": by_attacker(jku="https://attacker.example/jwks.json", x5u="https://attacker.example/"),
        "an unknown key id": by_attacker(kid="test-2"),
        "a path as key id": by_attacker(kid="../../../../dev/null"),
        "an injection as key id": by_attacker(kid="' OR 1=1 --"),
    }


def _tampered(signer: Signer, wanted: dict[str, Any]) -> dict[str, str]:
    header, body, signature = _signed(signer, wanted).split(".")
    more = part({**wanted, "communities": []})
    return {
        "changed claims": f"{header}.{part({**wanted, 'sub': 'somebody else'})}.{signature}",
        "wider claims": f"{header}.{more}x.{signature}",
        "half a signature": f"{header}.{body}.{signature[:43]}",
        "a signature of nothing": f"{header}.{body}.{part(bytes(64))}",
        "no signature part": f"{header}.{body}",
        "a key id in lower case": jwt.encode(wanted, signer.key, "ES256", {"kid": signer.key_id.upper()}),
    }
