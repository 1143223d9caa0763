"""Settings of notify, beside those every process has."""

from shared.settings import Settings


class NotifySettings(Settings):
    """`QIANSHAO_…` variables of notify's api and worker."""

    mongo_database: str = "notify"
