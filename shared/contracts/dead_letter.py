"""`<topic>.dlq`: a message that could not be carried out, byte for byte, with what happened in headers of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import TypeAdapter

from shared.contracts.scalars import Instant

PREFIX = "dlq-"

HEADERS = {
    "dlq-consumer": "the service that gave it up",
    "dlq-source": "topic/partition/offset where it stood",
    "dlq-error-class": "stable: undecodable, unknown_type, unknown_version, invalid_data, or what failed",
    "dlq-error": "short text for people",
    "dlq-attempts": "how often it was tried",
    "dlq-first": "time of the first attempt",
    "dlq-last": "time of the last attempt",
}
"""Added beside the original headers."""

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`headers` and `value` are the original ones. `error_class` is stable, `error` a short text for people."""

    consumer: str
    topic: str
    partition: int
    offset: int
    error_class: str
    error: str
    attempts: int
    first_at: datetime
    last_at: datetime
    headers: list[tuple[str, bytes]]
    value: bytes

    @property
    def id(self) -> str:
        """Where the message stood, and who gave it up."""
        return f"{self.topic}/{self.partition}/{self.offset}/{self.consumer}"

    def write(self) -> tuple[list[tuple[str, bytes]], bytes]:
        """As it travels: the original headers, then ours."""
        added = {
            "dlq-consumer": self.consumer,
            "dlq-source": f"{self.topic}/{self.partition}/{self.offset}",
            "dlq-error-class": self.error_class,
            "dlq-error": self.error,
            "dlq-attempts": str(self.attempts),
            "dlq-first": self.first_at.isoformat(),
            "dlq-last": self.last_at.isoformat(),
        }
        return [*self.headers, *((name, text.encode()) for name, text in added.items())], self.value

    @classmethod
    def read(cls, headers: list[tuple[str, bytes]], value: bytes) -> Self:
        """The opposite of `write`. Raises `ValueError` naming the header that is missing or wrong."""
        ours = {name: content.decode("utf-8", "replace") for name, content in headers if name.startswith(PREFIX)}
        try:
            topic, partition, offset = ours["dlq-source"].split("/")
            return cls(
                consumer=ours["dlq-consumer"],
                topic=topic,
                partition=int(partition),
                offset=int(offset),
                error_class=ours["dlq-error-class"],
                error=ours["dlq-error"],
                attempts=int(ours["dlq-attempts"]),
                first_at=_INSTANT.validate_python(ours["dlq-first"]),
                last_at=_INSTANT.validate_python(ours["dlq-last"]),
                headers=[(name, content) for name, content in headers if not name.startswith(PREFIX)],
                value=value,
            )
        except KeyError as missing:
            raise ValueError(f"{missing.args[0]}: header is missing") from None
        except ValueError as error:
            wrong = "dlq-source, dlq-attempts, dlq-first or dlq-last"
            raise ValueError(f"{wrong}: cannot be read: {error}") from None
