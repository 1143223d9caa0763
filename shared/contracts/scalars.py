"""What the fields of events are made of: each says what it accepts, and turns nothing into anything else."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict, StringConstraints

MAX_TEXT = 2000
"""Characters. A ceiling against absurd messages; forms and commands set their own, lower ones."""

Id = Annotated[str, Strict(), StringConstraints(pattern="^[!-~]{1,200}$")]
"""Opaque: printable ASCII without blanks. Compare it, never take it apart."""

UpdateId = Annotated[str, Strict(), StringConstraints(pattern="^[0-9A-Za-z._:-]{1,64}$")]
"""A department's own id of one of its messages."""

PublicCode = Annotated[str, Strict(), StringConstraints(pattern="^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$")]
"""Such as `7K3M-9QXA`, made by `shared.ids.public_code`."""

GridCode = Annotated[str, Strict(), StringConstraints(pattern="^[0-9A-Za-z-]{1,32}$")]
"""Full code of a node of the grid tree: 9 digits a sub-district, 12 a community, 15 a basic grid, 17 a micro-grid."""

DepartmentCode = Annotated[str, Strict(), StringConstraints(pattern="^[a-z][a-z0-9-]{1,30}$")]
"""Safe as the last part of a topic, an ACL and a group name."""

HouseholdCode = Annotated[
    str, Strict(), StringConstraints(pattern="^[A-Z]{0,2}[0-9]{1,5}(-[A-Z]{0,2}[0-9]{1,5}){0,3}$", max_length=24)
]
"""A household or shop within its micro-grid, such as `3-2-501` or `S12`: no room for a name or a telephone number."""

Word = Annotated[str, Strict(), StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
"""A word for programs from an open list: who does not know it ignores it."""

Text = Annotated[str, Strict(), StringConstraints(max_length=MAX_TEXT)]
"""For people, telephone numbers masked, possibly empty."""

StableUrl = Annotated[str, Strict(), StringConstraints(pattern="^(https?://[!->@-~]{1,200}|/[!->@-~]{0,200})$")]
"""Absolute, or from the front door's root. No query: signed, expiring links are minted when read."""

Receipt = Annotated[str, Strict(), StringConstraints(pattern="^[0-9A-Za-z_-]+([.][0-9A-Za-z_-]+){2}$", max_length=4096)]
"""Intake's signed receipt (JWT, ES256) of an after-photo: photo id, sha256, uploader, taken_at, place, received_at."""

Number = Annotated[int, Strict(), Field(ge=1, le=2_147_483_647)]
"""Counts from 1: cycles, versions, sequence numbers."""

Points = Annotated[int, Strict(), Field(ge=-1_000_000_000, le=1_000_000_000)]
"""Whole points of the passbook, signed."""

Flag = Annotated[bool, Strict()]

Metres = Annotated[float, Strict(), Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Longitude = Annotated[float, Strict(), Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Strict(), Field(ge=-90, le=90, allow_inf_nan=False)]

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _date_time(value: object) -> object:
    # pydantic alone reads the string "1700000000", and the number, as a time
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be an RFC 3339 date-time with its offset, such as 2026-09-25T09:00:00+08:00")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not a time in UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_date_time), AfterValidator(_in_utc)]
"""A moment; the offset is mandatory on the wire, inside it is always UTC. Digits below a microsecond are cut."""
