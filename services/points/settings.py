"""Settings of points, beside those every process has."""

from shared.settings import Settings


class PointsSettings(Settings):
    """`QIANSHAO_…` variables of points' api and worker."""

    mongo_database: str = "points"
