"""Settings of notify, beside those every process has."""

from pydantic import Field

from shared.settings import Settings


class NotifySettings(Settings):
    """`QIANSHAO_…` variables of notify's api and worker."""

    mongo_database: str = "notify"
    public_origin: str = Field(
        default="",
        pattern=r"^(https?://[^/\s]+)?$",
        description="where people's devices find the front door: https://host[:port]; links outside the inbox begin with it",
    )
