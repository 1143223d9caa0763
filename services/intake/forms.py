"""What clients send, checked field by field before anything else happens."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.intake.domain.account import Role
from services.intake.domain.review import Verdict
from services.intake.domain.session import Client
from shared.contracts.scalars import GridCode, HouseholdCode, Id, Instant, Word

Name = Annotated[str, Field(max_length=100)]
"""Of something that is looked up. The bound is what lets pydantic refuse half a surrogate, which no database can be asked for."""


class PlaceIn(BaseModel):
    """Where it is, in the coordinate reference system that the client's positioning really uses."""

    model_config = ConfigDict(extra="forbid")

    lng: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    crs: str = Field(
        pattern="^(wgs84|gcj02|bd09)$", description="wgs84, gcj02 or bd09; a wrong tag is 565 m in Yangquan"
    )
    accuracy_m: float = Field(ge=0, le=100_000, allow_inf_nan=False)
    address: str | None = Field(default=None, max_length=200)


class CategoryIn(BaseModel):
    """What it is, by the reference data."""

    model_config = ConfigDict(extra="forbid")

    scheme: Name
    code: Name
    condition: Name | None = None


IncidentId = Annotated[str, Field(min_length=1, max_length=64)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ReportIn(BaseModel):
    """One observation. `client_key` is made by the client and kept while it repeats the request."""

    model_config = ConfigDict(extra="forbid")

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")
    category: CategoryIn
    answers: dict[Name, Name] = Field(
        default_factory=dict,
        max_length=10,
        description="to questions of the category, by their codes: the code of a choice",
    )
    emergency: bool = False
    place: PlaceIn
    text: str = Field(default="", max_length=500)
    interim_measures: str | None = Field(default=None, max_length=200)
    photo_ids: list[Name] = Field(default_factory=list, max_length=5)
    awaiting_photos: list[Sha256] = Field(
        default_factory=list,
        max_length=5,
        description="photos that are still to be uploaded: the SHA-256 of each file as it will be sent, in hex. "
        "With photo_ids at most 5. An emergency goes out at once, another report when the last one has come, "
        "after ten minutes at the latest",
    )
    self_fixed: bool = Field(
        default=False, description="the rider has put it right himself; needs a photo of before, too"
    )
    after_photo_ids: list[Name] = Field(
        default_factory=list, max_length=5, description="how it looks since; for self_fixed at least one, else none"
    )
    captured_at: Instant = Field(
        description="when it was seen, by the phone, with offset; may be long before it is sent"
    )
    rider_id: Name | None = Field(default=None, description="comes from the token; another one here is refused")
    asked: bool = Field(default=False, description="the rider was shown what is near (`/v1/incidents/nearby`)")
    join: IncidentId | None = Field(default=None, description="me too: it is this open incident")
    broken_again: IncidentId | None = Field(default=None, description="it is this one, which was fixed within 72 h")
    not_same_as: list[IncidentId] = Field(
        default_factory=list, max_length=10, description="a different object than these that he was shown"
    )

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        """A client that could not ask, because it was offline, has nothing to answer: people join, not programs."""
        means = [one for one in (self.join, self.broken_again) if one is not None]
        if not self.asked and (means or self.not_same_as):
            raise ValueError("join, broken_again and not_same_as need asked: the rider must have been shown them")
        if len(means) > 1 or set(means) & set(self.not_same_as):
            raise ValueError("give one of join and broken_again, and not also in not_same_as")
        return self


class VisitIn(BaseModel):
    """One visit of a campaign. `answers`: words by item, of those that are answered; `place` is compared with the micro-grid
    and not kept. `client_key` is made by the client and kept while it repeats the request."""

    model_config = ConfigDict(extra="forbid")

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")
    campaign: Id
    micro_grid: GridCode
    household: HouseholdCode
    answers: dict[Word, Word] = Field(min_length=1, max_length=20)
    photo_ids: list[Name] = Field(default_factory=list, max_length=5)
    captured_at: Instant
    place: PlaceIn | None = None


class VerdictIn(BaseModel):
    """What a flagged report is. `reason` says why it is bogus; `expected_version` is the version that was seen."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    reason: str | None = Field(default=None, min_length=1, max_length=500)
    expected_version: int = Field(ge=1)

    @model_validator(mode="after")
    def _why(self) -> Self:
        if self.verdict == "bogus" and not (self.reason or "").strip():
            raise ValueError("reason: a bogus report needs one")
        return self


Code = Annotated[str, Field(max_length=40, pattern="^([A-Za-z0-9][A-Za-z0-9_.-]*)?$")]
"""An id that people made up, such as a squad's; empty where that clears it."""


class LoginIn(BaseModel):
    """An identity at a configured issuer."""

    model_config = ConfigDict(extra="forbid")

    issuer: str = Field(min_length=1, max_length=200)
    subject: str = Field(min_length=1, max_length=200)


class AccountChangeIn(BaseModel):
    """What is to be different; what is left out stays. `expected_version` is the version that was seen."""

    model_config = ConfigDict(extra="forbid")

    expected_version: int = Field(ge=1)
    role: Role | None = None
    status: Literal["trainee", "active", "left"] | None = None
    squad: Code | None = None
    captain: bool | None = None
    community: Code | None = None
    communities: list[Code] | None = Field(default=None, max_length=100)
    department: Code | None = None
    login: LoginIn | None = None


class SessionIn(BaseModel):
    """Who wants in: an invitation, or an id token with the nonce that it was asked for with. `device`: as its owner calls it."""

    model_config = ConfigDict(extra="forbid")

    invite: str | None = Field(default=None, min_length=1, max_length=100)
    id_token: str | None = Field(default=None, min_length=1, max_length=8_000)
    nonce: str | None = Field(default=None, min_length=16, max_length=200)
    client: Client
    device: str = Field(default="", max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.invite is None) == (self.id_token is None):
            raise ValueError("give either invite or id_token")
        if (self.id_token is None) != (self.nonce is None):
            raise ValueError("id_token and nonce go together")
        return self


class RefreshIn(BaseModel):
    """For clients without cookies."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(min_length=1, max_length=200)
