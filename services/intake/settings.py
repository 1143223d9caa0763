"""Settings of intake, beside those every process has."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class IntakeSettings(Settings):
    """`QIANSHAO_…` variables of intake's api and worker."""

    mongo_database: str = "intake"


class IntakeApiSettings(IntakeSettings):
    """What only the api needs."""

    receipt_key: Path = Field(description="PEM file with the ES256 private key that signs receipts for evidence")
    receipt_key_id: str = "receipt-1"
    session_key: Path = Field(description="PEM file with the ES256 private key that signs access tokens")
    session_key_id: str = "session-1"
    session_secret: Path = Field(description="file with at least 32 random bytes that refresh tokens are made from")
    public_origin: str = Field(
        pattern=r"^https?://[^/\s]+$", description="where people's devices find the front door: https://host[:port]"
    )
    oidc_issuers: Path | None = Field(default=None, description="YAML or JSON file with external OIDC issuers, if any")
    photos_an_hour: int = Field(default=600, ge=1, description="photos that one account may send in an hour")
    reports_an_hour: int = Field(default=120, ge=1, description="reports that one account may send in an hour")
    visits_an_hour: int = Field(default=300, ge=1, description="visits that one account may send in an hour")
    photo_processes: int = Field(default=1, ge=1, le=16, description="processes that decode photos")
