"""Settings shared by all services, read once from the environment (`QIANSHAO_…`) by each `__main__`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What every process needs. A service adds its own in `services/<name>/settings.py`.

    Raises `pydantic.ValidationError` naming each missing or wrong variable.
    """

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_", frozen=True, extra="ignore")

    environment: Literal["development", "production"] = "production"
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    http_host: str = "127.0.0.1"
    http_port: int = Field(ge=0, le=65535, description="api: the public API; worker: health and metrics only")

    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="addresses and networks, with commas, whose X-Forwarded-For tells who the client is: the front door's",
    )

    mongo_uri: SecretStr = Field(description="mongodb://user:password@host/?replicaSet=…, a user of this service alone")
    mongo_database: str

    reference: Path = Field(description="directory with the reference data, mounted read-only")
    jwks: Path = Field(description="JWKS file with the public keys that access tokens may be signed with")
    forget_key: Path = Field(
        description="file with at least 32 random bytes, the same for every service: pseudonyms of forgotten people are "
        "made with it. Losing or changing it, late events would bring them back",
    )
    retention_days: dict[str, int] = Field(
        default={}, description='JSON: {"photos": 365} and the like; nouns and defaults are in the service\'s README'
    )
    jwt_issuer: str = "qianshao"
    jwt_audience: str = "qianshao"


class KafkaSettings(BaseSettings):
    """Only workers talk to Kafka; an api process starts without these."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_KAFKA_", frozen=True, extra="ignore")

    bootstrap: str = Field(description="host:port[,host:port…]")
    username: str
    password: SecretStr
    security: Literal["SASL_SSL", "SASL_PLAINTEXT"] = "SASL_SSL"
    ca: Path | None = Field(default=None, description="CA file for SASL_SSL; the system's trust store if absent")
