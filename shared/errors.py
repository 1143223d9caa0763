"""The few ways a command can be refused, each with the HTTP status it becomes and the field that caused it."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One reason. `field` is a path such as `place.crs` or `photo_ids.1`, `reason` a sentence for the sender, `row` the line
    of a file that was sent."""

    field: str
    reason: str
    row: int | None = None


class Refused(Exception):
    """A business answer: the command was understood and is not carried out. Nothing of it is stored.

    `code` is stable and machine readable (the last part of the problem type), `detail` is for people. Whoever knows when
    the same command will go through sets `retry_after_seconds`.
    """

    status: ClassVar[int] = 422
    code: ClassVar[str] = "refused"
    retry_after_seconds: int | None = None

    def __init__(self, detail: str, *errors: FieldError, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.problem_code = code or type(self).code


class Invalid(Refused):
    """The input cannot be used: `Invalid.field("place.crs", "…")` names where and why."""

    code = "invalid"

    @classmethod
    def field(cls, field: str, reason: str) -> "Invalid":
        return cls(f"{field}: {reason}", FieldError(field, reason))


class Forbidden(Refused):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(Refused):
    """No such thing within the caller's scope."""

    status = 404
    code = "not-found"


class Conflict(Refused):
    """The state has moved on: a stale expected version, or a transition the table does not allow."""

    status = 409
    code = "conflict"


class Unavailable(Exception):
    """Not decided, or not known to be decided: try the same command with the same key again (HTTP 503)."""

    def __init__(self, detail: str, retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
