"""Reviews as people see them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.intake.domain.abuse import Finding


class FindingOut(BaseModel):
    """One reason to look."""

    flag: str
    value: float = Field(description="bits that differ, km/h, seconds, or reports in an hour, by the flag")
    photo_id: str | None
    other_report_id: str | None
    other_photo_id: str | None


class JudgedOut(BaseModel):
    """What was decided."""

    report_id: str
    verdict: Literal["ok", "bogus"]
    decided_at: datetime
    version: int


def finding_out(finding: Finding) -> FindingOut:
    """One line of the evidence."""
    return FindingOut(
        flag=finding.flag,
        value=finding.value,
        photo_id=finding.photo,
        other_report_id=finding.other_report,
        other_photo_id=finding.other_photo,
    )
