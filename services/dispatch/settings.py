"""Settings of dispatch, beside those every process has."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class DispatchSettings(Settings):
    """`QIANSHAO_…` variables of dispatch's api and worker."""

    mongo_database: str = "dispatch"
    receipt_jwks: Path = Field(description="JWKS file with the public keys of intake's evidence receipts")
    webhook_hosts: str = Field(
        default="",
        description="hosts of departments' webhooks that are allowed, with commas; host:port for other ports",
    )
    webhook_authorities: Path | None = Field(
        default=None, description="PEM file of certificate authorities to believe for webhooks beside the usual ones"
    )
    webhook_secrets: Path | None = Field(default=None, description="JSON file, secret by key id, for signing webhooks")
