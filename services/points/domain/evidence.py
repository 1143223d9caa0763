"""What others have judged, kept as it came: what is taken back is decided from here."""

from dataclasses import dataclass
from datetime import datetime


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
