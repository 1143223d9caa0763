"""Settings of points, beside those every process has."""

from pathlib import Path

from pydantic import Field

from shared.settings import Settings


class PointsSettings(Settings):
    """`QIANSHAO_…` variables of points' api and worker."""

    mongo_database: str = "points"
    font: Path | None = Field(
        default=None,
        description="TrueType font with Chinese for statements; without it a known one of the machine is taken",
    )
