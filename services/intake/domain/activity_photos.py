"""Photos of activities that points keeps: intake keeps the pictures, and knows whose desk decides."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ActivityPhotos:
    """`id` is the activity. `community` None: every desk of the sub-district may look."""

    id: str
    subdistrict: str
    rider: str
    community: str | None
    photo_ids: tuple[str, ...]
    recorded_at: datetime
