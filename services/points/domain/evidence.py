"""What others have seen and judged, kept as it came: what is paid for it, or taken back, is decided from here."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a campaign. `answers`: words by item. A household is a code within its micro-grid, never a name."""

    id: str
    subdistrict: str
    campaign: str
    rider: str
    micro_grid: str
    household: str
    answers: dict[str, str]
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What people found about a flagged report; `id` is the report, which is judged once."""

    id: str
    subdistrict: str
    incident: str
    rider: str
    kind: str
    actor: str
    judged_at: datetime
