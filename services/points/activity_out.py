"""Recorded activities as clients read them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.points.domain.activity import Activity
from services.points.domain.listing import Mark, cursor_of


class LineOut(BaseModel):
    """One line of the history."""

    at: datetime
    act: str
    actor: str
    reason: str | None


class ActivityOut(BaseModel):
    """An activity as it is. `version` goes into the next decision; `at` is the moment that counts for caps and rules; `paid`
    the points that its approval gave; `source` the incident that it was opened for, null where the rider recorded it."""

    activity: str
    version: int
    rider: str
    kind: str
    state: str
    grid: str
    household: str | None
    community: str | None
    squad: str | None
    text: str
    photo_ids: tuple[str, ...]
    captured_at: datetime
    received_at: datetime
    at: datetime
    source: str | None
    decided_at: datetime | None
    paid: int | None
    lines: list[LineOut]


class ActivitiesOut(BaseModel):
    """One page. `next` is the cursor of the page after it, null on the last one."""

    activities: list[ActivityOut]
    next: str | None


class ApprovedOut(BaseModel):
    """What became of one of several approvals."""

    status: int = Field(description="200, or what the approval alone is answered")
    activity: ActivityOut | None = None
    problem: dict[str, Any] | None = Field(default=None, description="problem+json")


class ApprovalsOut(BaseModel):
    """One line per approval, in the order they were sent."""

    activities: list[ApprovedOut]


def page_out(found: list[tuple[Activity, int]], limit: int) -> ActivitiesOut:
    """One page of what was read, which is one more than `limit` where there is more."""
    page = found[:limit]
    more = len(found) > limit
    last = cursor_of(Mark(page[-1][0].received_at, page[-1][0].id)) if more else None
    return ActivitiesOut(activities=[activity_out(one) for one in page], next=last)


def activity_out(found: tuple[Activity, int]) -> ActivityOut:
    """What its desk, its captain and its rider see of it."""
    activity, version = found
    own = ("activity", "version", "lines")
    fields = {name: getattr(activity, name) for name in ActivityOut.model_fields if name not in own}
    lines = [LineOut(at=line.at, act=line.act, actor=line.actor, reason=line.reason) for line in activity.lines]
    return ActivityOut(activity=activity.id, version=version, lines=lines, **fields)
