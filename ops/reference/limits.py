"""Limits as the standard's workbook writes them: `2紧急工作时`, `4小时`, `15天`, `1紧急工作时制止`."""

import re
import unicodedata

from shared.reference.categories import Limit, Priority, Unit

UNITS: dict[str, Unit] = {
    "紧急工作时": "uh",
    "紧急工作小时": "uh",
    "紧急小时": "uh",
    "紧急工作日": "ud",
    "紧急日": "ud",
    "工作时": "wh",
    "工作小时": "wh",
    "小时": "wh",
    "时": "wh",
    "工作日": "wd",
    "天": "wd",
    "日": "wd",
}
"""Only what says 紧急 runs day and night; an hour or a day alone is one of working time (ADR 0012)."""

_LIMIT = re.compile(rf"(\d{{1,3}})个?({'|'.join(sorted(UNITS, key=len, reverse=True))})(?:以?内)?([一-鿿]{{0,8}})")
LIFE_SAFETY_HOURS = 2
DAYS_OF_CLASS_N = 7


def parse(text: str) -> tuple[Limit, str]:
    """The limit, and what has to be done by then if the text says so (`制止`), else "". Raises `ValueError` with the reason."""
    plain = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    found = _LIMIT.fullmatch(plain)
    if found is None:
        raise ValueError(f"{text!r} is no limit such as 2紧急工作时, 4小时, 15天 or 1紧急工作时制止")
    if int(found[1]) == 0:
        raise ValueError(f"{text!r}: a limit of 0")
    return Limit(value=int(found[1]), unit=UNITS[found[2]]), found[3]


def class_of(limit: Limit) -> Priority:
    """The class that a limit alone speaks for. E is not among them: that a life is at stake no limit tells."""
    if limit.unit in ("uh", "ud"):
        return "U"
    return "L" if limit.unit == "wd" and limit.value > DAYS_OF_CLASS_N else "N"


def may_be_life_safety(limit: Limit) -> bool:
    """Whether a condition that is E may stay so with this limit."""
    return limit.unit in ("uh", "wh") and limit.value <= LIFE_SAFETY_HOURS
