"""How people and departments behave: two tables. A new way of reporting is a row here and, if it is sent otherwise, a way in
`ways.py`."""

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How a report is sent."""

    PLAIN = "plain"
    TWICE = "twice"
    LOST = "lost"
    OFFLINE = "offline"
    AWAITING = "awaiting"
    INACCURATE = "inaccurate"
    OUTSIDE = "outside"
    WANDERING = "wandering"
    SECOND = "second"
    NO_CRS = "no_crs"
    NO_SUCH_PHOTO = "no_such_photo"
    SOMEONE_ELSE = "someone_else"
    NOT_A_PICTURE = "not_a_picture"
    DAMAGED_PICTURE = "damaged_picture"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row. `share` of the reports, exactly. `replays`: how often an answer comes that was given before. `flag`: what the
    report is marked with. `refused`: the problem's code; such sends come on top of the reports and leave nothing."""

    way: Way
    share: float
    zh: str
    en: str
    replays: int = 0
    flag: str | None = None
    refused: str | None = None


BEHAVIOURS = (
    Behaviour(Way.TWICE, 0.06, "点了两次", "tapped twice", replays=1),
    Behaviour(Way.LOST, 0.05, "应答丢失后重发", "answer lost, sent again", replays=1),
    Behaviour(Way.OFFLINE, 0.12, "离线拍、有网后一起发", "taken offline, sent together later"),
    Behaviour(Way.AWAITING, 0.05, "先报后传照片", "the report first, its photos after it"),
    Behaviour(Way.INACCURATE, 0.04, "定位误差大", "fix of 180 m", flag="needs_location"),
    Behaviour(Way.OUTSIDE, 0.02, "定位在街道之外", "fix outside of the sub-district", flag="needs_location"),
    Behaviour(Way.WANDERING, 0.04, "照片与申报位置不符", "photo taken elsewhere", flag="location_conflict"),
    Behaviour(Way.SECOND, 0.08, "同一处第二人上报", "a second rider at the same thing, who joins it if he is shown it"),
    Behaviour(Way.NO_CRS, 0.01, "坐标系缺失", "place without crs", refused="invalid"),
    Behaviour(Way.NO_SUCH_PHOTO, 0.01, "照片不存在", "names a photo that is not there", refused="invalid"),
    Behaviour(Way.SOMEONE_ELSE, 0.01, "冒用他人身份", "in another rider's name", refused="forbidden"),
    Behaviour(Way.NOT_A_PICTURE, 0.01, "不是图片的文件", "a file that is no picture", refused="not_an_image"),
    Behaviour(Way.DAMAGED_PICTURE, 0.01, "图片损坏", "a damaged picture", refused="truncated"),
)
"""What is not plain."""

PICTURES = frozenset({Way.NOT_A_PICTURE, Way.DAMAGED_PICTURE})
"""Refused when the photo is uploaded; no report follows."""

_OF = {row.way: row for row in (Behaviour(Way.PLAIN, 0.0, "普通上报", "plain"), *BEHAVIOURS)}


def behaviour(way: Way) -> Behaviour:
    """The row of a way."""
    return _OF[way]


class Crew(StrEnum):
    """What a department does with an order."""

    PROMPT = "prompt"
    """Says nothing until it is done."""

    STEADY = "steady"
    """Accepts, and is done once that is acknowledged."""

    RETURNS = "returns"
    """Sends the first order back with a reason; staff send it again."""


CREWS = ((Crew.PROMPT, 0.45), (Crew.STEADY, 0.50), (Crew.RETURNS, 0.05))
"""Shares by chance. Only what one department alone is asked for comes back."""
