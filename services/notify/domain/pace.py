"""What a line sends next: urgent first and alone, the rest alone while there is room and in digests when there is not.

The limit is on calls in any window of a minute, whatever the minute's beginning, so it is kept as the times of the calls.
A part of it is never used by what can wait: who calls for help finds room in the very minute in which everything else has
used up its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notify.domain.channel import Kind, Limits, Parcel
from services.notify.domain.cutting import cut
from services.notify.domain.delivery import Delivery, Line
from services.notify.domain.telling import Urgency

WINDOW = timedelta(seconds=62)
"""A minute, and what two calls may differ by on their way."""

SECOND = timedelta(seconds=1.2)

GATHER = timedelta(seconds=30)
"""How long what found no room gathers before it goes as one digest."""

BUNDLE_EVERY = timedelta(seconds=12)
"""The last calls of a window are spread over it."""

MOST_LINES = 40
_HEAD_BYTES, _LINE_BYTES = 200, 130

BUNDLED = frozenset({Kind.WECOM, Kind.DINGTALK, Kind.FEISHU, Kind.SMTP})
"""Channels that can carry several messages in one text; an SMS is a template, a webhook is read by a machine."""


@dataclass(frozen=True, slots=True)
class _Room:
    """What is left of a window for each sort of call."""

    single: bool
    digest: bool
    urgent: bool
    last: bool


def recent(line: Line, now: datetime) -> Line:
    """The line without the calls that no window counts any more."""
    return Line(
        line.id,
        tuple(at for at in line.calls if now - at < WINDOW),
        line.failures,
        line.blocked_until,
        line.cause,
    )


def choose(waiting: Sequence[Delivery], line: Line, limits: Limits, now: datetime) -> tuple[Delivery, ...]:
    """The deliveries of the next call, () if there is to be none now. `waiting` is due, urgent first, then the oldest."""
    if not waiting or (line.blocked_until is not None and now < line.blocked_until):
        return ()
    room = _room(line, limits, now, waiting[0].channel in BUNDLED)
    urgent = [one for one in waiting if one.urgent]
    if urgent:
        return _urgent(urgent, room, limits)
    return _calm(waiting, room, limits, now)


def _urgent(urgent: list[Delivery], room: _Room, limits: Limits) -> tuple[Delivery, ...]:
    if room.urgent:
        return (urgent[0],)
    return bundle(urgent, limits) if room.last else ()


def _calm(waiting: Sequence[Delivery], room: _Room, limits: Limits, now: datetime) -> tuple[Delivery, ...]:
    normal = [one for one in waiting if one.urgency is Urgency.NORMAL]
    if normal and room.single:
        return (normal[0],)
    if not room.digest or (normal and now - min(one.due for one in normal) < GATHER):
        return ()
    return bundle(waiting, limits)


def _room(line: Line, limits: Limits, now: datetime, bundled: bool) -> _Room:
    calls = recent(line, now).calls
    if limits.per_second is not None and sum(now - at < SECOND for at in calls) >= limits.per_second:
        return _Room(False, False, False, False)
    most = limits.per_minute
    if most is None:
        return _Room(True, True, True, True)
    used, rested = len(calls), not calls or now - calls[-1] >= BUNDLE_EVERY
    if not bundled:
        calm = used < most * 7 // 10
        return _Room(calm, calm, used < most, used < most)
    return _Room(used < most // 2, used < most * 7 // 10, used < most * 8 // 10, used < most and rested)


def bundle(waiting: Sequence[Delivery], limits: Limits) -> tuple[Delivery, ...]:
    """As many for one endpoint as one text holds, the first in any case."""
    first, rest = waiting[0], [one for one in waiting[1:] if one.endpoint == waiting[0].endpoint]
    if first.channel not in BUNDLED:
        return (first,)
    left = (limits.max_bytes or 100_000) - _HEAD_BYTES - len(digest_line(first).encode())
    chosen = [first]
    for one in rest:
        left -= len(digest_line(one).encode()) + 1
        if left < 0 or len(chosen) == MOST_LINES:
            break
        chosen.append(one)
    return tuple(chosen)


def digest_line(delivery: Delivery) -> str:
    """One message as a line among others, cut between characters where it is long."""
    return cut(f"· {delivery.text}", _LINE_BYTES)


def wrap(batch: Sequence[Delivery], origin: str) -> Parcel:
    """One parcel of a batch; a single message whole, several as a digest. `origin`: the front door, links need it."""
    first = batch[0]
    if len(batch) == 1:
        parts = {**first.parts, "title": first.title}
        return Parcel(
            key=first.id,
            title=first.title,
            text=f"{first.text}\n{first.next}",
            link=origin + first.link,
            urgency=first.urgency.value,
            language=first.language,
            template=first.template,
            parts=parts,
        )
    count = len(batch)
    title = f"{count} notices" if first.language == "en" else f"{count} 条通知"
    return Parcel(
        key=f"{first.id}+{count - 1}",
        title=title,
        text="\n".join(digest_line(one) for one in batch),
        link=f"{origin}/",
        urgency=first.urgency.value,
        language=first.language,
        template="digest",
        parts={"count": str(count), "title": title},
    )
