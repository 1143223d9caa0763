"""What clients send about meetings and trainings, checked field by field before anything else happens."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.points.domain.gathering import Agenda, Kind
from shared.contracts.scalars import GridCode, Id, Instant

Line = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Riders = Annotated[list[Id], Field(max_length=300)]


class AgendaIn(BaseModel):
    """`community` null: of the whole sub-district. Without `opens_at` one checks in from `starts_at` on. Nobody in `invited`
    and `squads`: everybody is welcome."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    title: Line
    place: Line
    community: GridCode | None = None
    opens_at: Instant | None = None
    starts_at: Instant
    ends_at: Instant
    invited: Riders = Field(default_factory=list)
    squads: list[Id] = Field(default_factory=list, max_length=50)

    def agenda(self) -> Agenda:
        """In the words of points."""
        return Agenda(
            kind=self.kind,
            title=self.title,
            place=self.place,
            community=self.community,
            opens_at=self.opens_at or self.starts_at,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            invited=tuple(dict.fromkeys(self.invited)),
            squads=tuple(dict.fromkeys(self.squads)),
        )


class GatheringIn(AgendaIn):
    """A new one. `client_key` is made by the client and kept while it repeats the request."""

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")


class GatheringChangeIn(AgendaIn):
    """The whole agenda as it is to be. `expected_version` is the version that was seen."""

    expected_version: int = Field(ge=1)


class CheckinIn(BaseModel):
    """The text of the code. `scanned_at`, the phone's clock, only if it was offline when it scanned."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=200)
    scanned_at: Instant | None = None


class AttendanceIn(BaseModel):
    """Who was there."""

    model_config = ConfigDict(extra="forbid")

    riders: list[Id] = Field(min_length=1, max_length=100)

    @field_validator("riders")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("the same rider twice")
        return value
