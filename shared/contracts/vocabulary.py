"""Words and shapes that several events share. Words are those of the domain; lists are closed unless they say open."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.scalars import (
    DepartmentCode,
    Flag,
    GridCode,
    Id,
    Instant,
    Latitude,
    Longitude,
    Metres,
    Number,
    PublicCode,
    StableUrl,
    Text,
    Word,
)

Severity = Literal["E", "U", "N", "L"]
"""Final class: E life-safety, U other urgent units, N working hours or days, L over 7 working days."""

IncidentState = Literal[
    "reported",
    "triaged",
    "dispatched",
    "needs_info",
    "in_progress",
    "temporary_safe",
    "resolved",
    "closed",
    "duplicate",
    "rejected",
    "closed_no_action",
    "parked",
]
OrderState = Literal["offered", "accepted", "working", "done", "verified", "returned", "withdrawn"]

ActorKind = Literal["rider", "captain", "staff", "department", "lead", "operator", "administrator", "system"]
Role = Literal["rider", "captain", "staff", "department", "lead", "operator", "administrator"]
AccountStatus = Literal["trainee", "active", "left", "forgotten"]

Level = Literal["accept_missed", "department_lead", "community_lead", "subdistrict_lead"]
"""Who an escalation goes to. `accept_missed` goes to the department's lead too; each level fires once on its own."""

Activity = Literal["meeting", "training", "home_visit", "help", "hazard", "hardship", "volunteer"]

Flags = Annotated[tuple[Word, ...], Field(max_length=20)]
"""Open list. Known: needs_location, location_conflict, possible_duplicate, awaiting_photo, self_fixed, late_start,
clock_skew, evidence_mismatch, calendar_unconfirmed, same_photo, implausible_speed, late_capture, too_many_reports,
entered_by_staff."""

PhotoIds = Annotated[tuple[Id, ...], Field(max_length=20)]


class Shape(BaseModel):
    """A part of an event: immutable, and unknown fields are ignored, because within a version fields are only added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Point(Shape):
    """Degrees; the name of the field that holds it says in which coordinate reference system."""

    lng: Longitude
    lat: Latitude


class GridPath(Shape):
    """The way down the grid tree, each level as its full code."""

    subdistrict: GridCode
    community: GridCode
    basic_grid: GridCode
    micro_grid: GridCode


class Place(Shape):
    """Where it is. `grid` is null while the place is too uncertain for a micro-grid (flag `needs_location`)."""

    wgs84: Point = Field(description="used for routing and distances")
    gcj02: Point = Field(description="the same point as Chinese maps draw it")
    accuracy_m: Metres
    grid: GridPath | None = None
    address: Text | None = Field(default=None, description="as people say it: north gate of the market")
    flags: Flags = ()


class Category(Shape):
    """A code means something only together with its scheme: generations of the standard clash."""

    scheme: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,39}$", strict=True)]
    code: Annotated[str, Field(pattern="^[0-9A-Za-z.-]{1,20}$", strict=True)]


class Answer(Shape):
    """What the reporter picked of the choices of one question of the category; words of the reference data."""

    question: Word
    choice: Word


Answers = Annotated[tuple[Answer, ...], Field(max_length=10)]


class LabelledCategory(Category):
    """A category with its text, for readers that have no reference data."""

    zh: Text
    en: Text


class Photo(Shape):
    """Intake serves `url` to whoever may see the photo."""

    id: Id
    url: StableUrl


class Reporter(Shape):
    """One observation of the incident; a list of them is in the frozen order in which points are given."""

    rider: Id
    report: Id
    captured_at: Instant
    received_at: Instant


class OrderView(Shape):
    """What everybody may know of a work order."""

    id: Id
    department: DepartmentCode
    state: OrderState
    accept_by: Instant
    due_at: Instant


class WorkOrder(Shape):
    """All that its department needs to act, so that each message can be read alone."""

    order: Id
    incident: Id
    code: PublicCode
    cycle: Number
    category: LabelledCategory
    condition: Word | None = Field(default=None, description="what is wrong with it, a word of the category")
    severity: Severity
    place: Place
    text: Text
    interim_measures: Text | None = Field(default=None, description="what the rider has done to keep people safe")
    photos: Annotated[tuple[Photo, ...], Field(max_length=50)] = ()
    photo_required: Flag = Field(description="done needs the receipt of an after-photo")
    state: OrderState
    offered_at: Instant
    accept_by: Instant
    due_at: Instant
    flags: Flags = ()
    answers: Answers = Field(default=(), description="what the reporter answered to the questions of the category")
