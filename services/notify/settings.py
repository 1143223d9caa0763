"""Settings of notify, beside those every process has."""

from pydantic import Field

from shared.settings import Settings


class NotifySettings(Settings):
    """`QIANSHAO_…` variables of notify's api and worker."""

    mongo_database: str = "notify"
    quiet_grid_days: int = Field(
        default=30, ge=1, le=365, description="after so many days without a report staff are told of a micro-grid"
    )
    public_origin: str = Field(
        default="",
        pattern=r"^(https?://[^/\s]+)?$",
        description="where people's devices find the front door: https://host[:port]; links outside the inbox begin with it",
    )
