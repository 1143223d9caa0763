"""Identifiers: what is derived from what, so that doing a thing twice names the same thing twice."""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Callable

import uuid_utils

NewId = Callable[[], str]
"""Returns a fresh id each call; a parameter wherever ids are needed, so tests can repeat them."""

REPORTS = uuid.UUID("6f1b8a52-6c0c-5d4e-9a47-0d5f3c1e7b10")
"""Name space of report ids. Never change it: rule 1 of the contract depends on it."""

# Crockford's alphabet: no I, L, O, U, so that a code survives being read out over the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """A UUIDv7: unique, and sorted by time, so that indexes grow at one end."""
    return str(uuid_utils.uuid7())


def report_id(principal: str, client_key: str) -> str:
    """The id of the report that `principal` sends under `client_key`: the same pair is the same report for ever."""
    return str(uuid.uuid5(REPORTS, f"{principal}\n{client_key}"))


def public_code(incident_id: str, attempt: int = 0) -> str:
    """A code such as `7K3M-9QXA` that people read to each other: 40 bits of a digest of the incident id.

    `attempt` > 0 gives the next candidate when a code is already taken in this installation.
    """
    digest = hashlib.sha256(f"{incident_id}/{attempt}".encode()).digest()
    number = int.from_bytes(digest[:5], "big")
    text = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(35, -1, -5))
    return f"{text[:4]}-{text[4:]}"


def read_code(text: str) -> str | None:
    """The public code that people typed or read out: any case, dashes and blanks anywhere, O for 0, I or L for 1.

    None if it cannot be one.
    """
    if len(text) > _LONGEST_TYPED:
        return None
    plain = re.sub(r"[\s\u2010-\u2015_-]", "", unicodedata.normalize("NFKC", text)).upper().translate(_MISREAD)
    if len(plain) != _CODE_LETTERS or not set(plain) <= set(_ALPHABET):
        return None
    return f"{plain[:4]}-{plain[4:]}"


_LONGEST_TYPED, _CODE_LETTERS = 40, 8
_MISREAD = str.maketrans("OIL", "011")
