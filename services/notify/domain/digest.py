"""What the morning brings: orders that are due today, and micro-grids from which nothing was heard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from services.notify.domain.case import department_audiences
from services.notify.domain.message import Message
from services.notify.domain.telling import Urgency
from services.notify.domain.templates import DUE_TODAY, QUIET_GRIDS, Template, render
from services.notify.domain.words import Words, same

AT = time(8)
"""By the sub-district's clock (assumed)."""

MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Due:
    """An open order of a case."""

    code: str
    department: str
    community: str | None
    due: datetime


def morning(now: datetime, zone: tzinfo) -> date | None:
    """The day whose digests are to go out: today, from eight o'clock on; None before that."""
    local = now.astimezone(zone)
    return local.date() if local.time() >= AT else None


def end_of(day: date, zone: tzinfo) -> datetime:
    """The moment after the day's last."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def by_audience(subdistrict: str, found: Iterable[Due]) -> Mapping[str, list[Due]]:
    """The people of each department, and the staff of each community, the earliest first."""
    told: dict[str, list[Due]] = {}
    for one in sorted(found, key=lambda one: (one.due, one.code)):
        staff = [f"community:{one.community}"] if one.community else []
        for audience in (*department_audiences(subdistrict, one.department), *staff):
            told.setdefault(audience, []).append(one)
    return told


def due_message(subdistrict: str, audience: str, day: date, found: Sequence[Due], zone: tzinfo) -> Message:
    """One digest of one audience."""
    start = datetime.combine(day, time(), zone)
    codes = dict.fromkeys(_due(one, start, zone) for one in found)
    return _message("due", subdistrict, audience, day, zone, DUE_TODAY, _listed([same(code) for code in codes]))


def quiet_message(
    subdistrict: str, audience: str, day: date, grids: Sequence[Words], days: int, zone: tzinfo
) -> Message:
    """The micro-grids of one community from which nothing was heard."""
    values = {**_listed(grids), "days": same(str(days))}
    return _message("quiet", subdistrict, audience, day, zone, QUIET_GRIDS, values)


def _due(one: Due, start: datetime, zone: tzinfo) -> str:
    local = one.due.astimezone(zone)
    return f"{one.code} ({local:%H:%M})" if one.due >= start else f"{one.code} ({local:%m-%d %H:%M})"


def _listed(items: Sequence[Words]) -> dict[str, Words]:
    shown = items[:MOST_LISTED]
    more = len(items) - len(shown)
    zh = "、".join(one.zh for one in shown) + (f" 等 {len(items)} 项" if more else "")
    en = ", ".join(one.en for one in shown) + (f" and {more} more" if more else "")
    return {"count": same(str(len(items))), "list": Words(zh, en)}


def _message(
    kind: str,
    subdistrict: str,
    audience: str,
    day: date,
    zone: tzinfo,
    template: Template,
    values: dict[str, Words],
) -> Message:
    zh, en, link = render(template, values)
    event = f"digest:{kind}:{day.isoformat()}"
    return Message(
        id=f"{event}|{audience}",
        subdistrict=subdistrict,
        event=event,
        incident=None,
        code=None,
        template=f"digest_{kind}",
        parameters=values,
        urgency=Urgency.NORMAL,
        zh=zh,
        en=en,
        link=link,
        at=datetime.combine(day, AT, zone),
        community=audience.partition(":")[2] if audience.startswith("community:") else None,
    )
