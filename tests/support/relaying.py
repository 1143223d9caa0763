"""Outbox rows, and a publisher that remembers what it was given and fails where a test wants it to."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from shared.mongo.outbox import outbox_row
from shared.mongo.work import Document

STORED = datetime(2026, 1, 1, tzinfo=UTC)


def row(key: str, version: int, index: int = 0, *, stored: datetime = STORED, id_: str | None = None) -> Document:
    """A row whose value says what it is: `key`, version and index."""
    value = f"{key} {version} {index}".encode()
    return outbox_row(id_ or f"{key}|{version}|{index}", "topic", key, version, index, [("h", b"\x00")], value, stored)


def rows(keys: Iterable[str], versions: int) -> list[Document]:
    """`versions` rows of each key; the clock of who stored them ran backwards."""
    return [row(key, v, stored=STORED - timedelta(seconds=v)) for key in keys for v in range(1, versions + 1)]


def nothing(number: int, value: bytes) -> None:
    """No trouble."""


class Recorder:
    """A `Publisher`. `before` and `after` are told the number of the send (from 0) and its value, and may raise.

    Raised before, the message is not out; raised after, it is, and nobody knows.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.sends = 0
        self.connects = 0
        self.before: Callable[[int, bytes], None] = nothing
        self.after: Callable[[int, bytes], None] = nothing

    async def connect(self) -> None:
        self.connects += 1

    async def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        number, self.sends = self.sends, self.sends + 1
        assert value.startswith(key + b" ")
        assert headers == [("h", b"\x00")]
        self.before(number, value)
        self.sent.append(value)
        self.after(number, value)

    def by_key(self) -> dict[str, list[tuple[int, int]]]:
        """(version, index) of what went out, in order, repetitions included."""
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for value in self.sent:
            key, version, index = value.decode().split(" ")
            found[key].append((int(version), int(index)))
        return dict(found)


def firsts(positions: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Each position where it first occurs: what a consumer that knows repetitions sees."""
    return list(dict.fromkeys(positions))
