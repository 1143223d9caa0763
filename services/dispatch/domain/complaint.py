"""The complaint box: what somebody is unhappy with, in his words, for the desk to read."""

from dataclasses import dataclass
from datetime import datetime

LONGEST = 500
"""Characters."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """`account` complains, calling himself `actor`; `incident` is the one it is about and `community` where that lies,
    both None for a complaint about anything else: then it is every desk's of the sub-district."""

    id: str
    subdistrict: str
    account: str
    actor: str
    text: str
    at: datetime
    incident: str | None = None
    community: str | None = None
