"""What clients send, checked field by field before anything else happens."""

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.scalars import Instant


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

    scheme: str
    code: str
    condition: str | None = None


class ReportIn(BaseModel):
    """One observation. `client_key` is made by the client and kept while it repeats the request."""

    model_config = ConfigDict(extra="forbid")

    client_key: str = Field(min_length=8, max_length=64, pattern="^[A-Za-z0-9._-]+$")
    category: CategoryIn
    emergency: bool = False
    place: PlaceIn
    text: str = Field(default="", max_length=500)
    interim_measures: str | None = Field(default=None, max_length=200)
    photo_ids: list[str] = Field(default_factory=list, max_length=5)
    captured_at: Instant
    rider_id: str | None = Field(default=None, description="comes from the token; another one here is refused")
