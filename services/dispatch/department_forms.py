"""What a department sends over HTTP, checked field by field before anything else happens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.scalars import DepartmentCode, Flag, Instant, Number, Receipt, Text

Reason = Annotated[Text, Field(min_length=1)]
Receipts = Annotated[list[Receipt], Field(max_length=10)]


class AcceptIn(BaseModel):
    """Take the order on. `seen_seq` is the `seq` the decision was made on; `at` is the department's clock, if it has one."""

    model_config = ConfigDict(extra="forbid")

    seen_seq: Number
    at: Instant | None = None


class ReturnIn(AcceptIn):
    """Give the order back, with the reason, and say who should act instead if that is known."""

    reason: Reason
    suggested_department: DepartmentCode | None = None


class ProgressIn(AcceptIn):
    """Say what has been done so far; `temporary_safe`: the danger is contained, the repair follows."""

    progress: Text | None = None
    temporary_safe: Flag = False
    receipts: Receipts = []


class ExtensionIn(AcceptIn):
    """Ask for more time, until when and why."""

    reason: Reason
    extension_until: Instant


class AppealIn(AcceptIn):
    """The deadline should not count, and why."""

    reason: Reason


class DoneIn(AcceptIn):
    """It is fixed. `receipts` are those of intake for after-photos (`POST /v1/evidence`)."""

    receipts: Receipts = []
