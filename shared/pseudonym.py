"""Another name for a person who is to be forgotten: the same in every service, and nobody without the key finds him by it."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

PREFIX = "gone-"
"""How every pseudonym begins; no account of a living person does."""

_TOKEN = re.compile(rb"[0-9A-Za-z_-]{3,64}")
_INSIDE = "[0-9A-Za-z_-]"
_MIN_KEY_BYTES = 32


def is_pseudonym(name: str) -> bool:
    """Whether `name`, an account id or an audience such as `rider:…`, is of somebody who was forgotten."""
    return name.rpartition(":")[2].startswith(PREFIX)


class Pseudonyms:
    """Makes pseudonyms with the installation's key; every service has the same one, or they would not know each other's."""

    def __init__(self, key: bytes) -> None:
        """Raises `ValueError` for a key of less than 32 bytes."""
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"the key of pseudonyms needs at least {_MIN_KEY_BYTES} bytes")
        self._key = key
        self._cached = lru_cache(maxsize=20_000)(self._compute)

    @classmethod
    def from_file(cls, path: Path) -> "Pseudonyms":
        """Raises `ValueError` naming the file if it cannot be read or is too short."""
        try:
            return cls(path.read_bytes().strip())
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: no usable key of pseudonyms: {error}") from error

    def of(self, account: str) -> str:
        """The pseudonym of an account id; of a pseudonym, itself."""
        return account if is_pseudonym(account) else self._cached(account.encode())

    def named_in(self, content: bytes, among: dict[str, Any]) -> dict[str, str]:
        """Account id -> pseudonym, for everyone whose pseudonym is `among` and whose id stands in `content`."""
        tokens = {token for token in _TOKEN.findall(content) if not token.startswith(PREFIX.encode())}
        names = {token.decode(): self._cached(token) for token in tokens}
        return {account: name for account, name in names.items() if name in among}

    def _compute(self, account: bytes) -> str:
        return PREFIX + hmac.digest(self._key, b"account:" + account, hashlib.sha256).hex()[:32]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is being forgotten: the id that has to go, and what stands in its place."""

    account: str
    pseudonym: str

    def renamed(self, value: Any) -> Any:
        """`value` with the id replaced wherever it stands as a whole word: in texts, bytes, keys and all that is inside."""
        if isinstance(value, str):
            return self._pattern().sub(self.pseudonym, value)
        if isinstance(value, bytes):
            return _bytes_pattern(self.account).sub(self.pseudonym.encode(), value)
        if isinstance(value, dict):
            return {self.renamed(key): self.renamed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.renamed(inner) for inner in value]
        return value

    def is_in(self, value: Any) -> bool:
        """Whether the id stands anywhere in `value`."""
        return bool(self.renamed(value) != value)

    def _pattern(self) -> re.Pattern[str]:
        return _text_pattern(self.account)


@lru_cache(maxsize=256)
def _text_pattern(account: str) -> re.Pattern[str]:
    return re.compile(f"(?<!{_INSIDE}){re.escape(account)}(?!{_INSIDE})")


@lru_cache(maxsize=256)
def _bytes_pattern(account: str) -> re.Pattern[bytes]:
    return re.compile(_text_pattern(account).pattern.encode())
