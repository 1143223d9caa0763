"""A message on its way to one endpoint: from `waiting` over `sending` to one of four ends, with every attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.notify.domain.channel import Kind, Outcome, Refused, Retry, Sent
from services.notify.domain.message import Copy, Message
from services.notify.domain.telling import Urgency

LOW_WAITS = timedelta(minutes=10)
"""How long a message of low urgency gathers others for its digest."""

TOO_OLD = timedelta(hours=24)
"""What could not be sent for so long is not sent any more."""

MOST_TRIES = 8
_FIRST, _LONGEST = 5.0, 600.0

RANK: Mapping[Urgency, int] = {Urgency.URGENT: 0, Urgency.NORMAL: 1, Urgency.LOW: 2}

PASSING = frozenset({"asked", "accepted", "in_progress", "moved", "group_new", "department_offer", "staff_new"}) | {
    f"{whom}_{what}" for whom in ("department", "staff", "leads") for what in ("reminder", "late", "accept_missed")
}
"""Templates that only make sense while the case is open: late ones are dropped, with the code `finished`."""


class State(StrEnum):
    """`uncertain`: it went out and nobody knows whether it was taken; it is not sent again."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


OVER = frozenset({State.SENT, State.SKIPPED, State.FAILED, State.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class Way:
    """One endpoint that an audience is reached by. Deliveries of one `line` share its limit, its order and its fate: a robot
    is a line of its own, all mail is one."""

    endpoint: str
    line: str
    channel: Kind
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the other side, and what came of it in a short code."""

    at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """`id` is the natural key: message (with the event's version), audience, endpoint. `rank` 0 goes first. `due`: when it may
    be sent (again); `code`: why it ended so; `parcel`: the key it travelled under, the same for all of one digest."""

    id: str
    subdistrict: str
    community: str | None
    message: str
    audience: str
    endpoint: str
    line: str
    channel: Kind
    language: str
    urgency: Urgency
    rank: int
    template: str
    incident: str | None
    public_code: str | None
    title: str
    text: str
    next: str
    link: str
    parts: dict[str, str]
    stored: datetime
    due: datetime
    state: State = State.WAITING
    code: str = ""
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    parcel: str = ""
    ended: datetime | None = None

    @property
    def urgent(self) -> bool:
        return self.urgency is Urgency.URGENT


@dataclass(frozen=True, slots=True)
class Line:
    """What is remembered of a line: its `calls` of the last minute, how many `failures` in a row, until when it rests."""

    id: str
    calls: tuple[datetime, ...] = ()
    failures: int = 0
    blocked_until: datetime | None = None
    cause: str = ""


FAILURES_THAT_REST = 3
_REST_FIRST, _REST_LONGEST = 30.0, 600.0


def planned(message: Message, copy: Copy, way: Way, community: str | None) -> Delivery:
    """The delivery of one copy to one endpoint."""
    words = message.en if way.language == "en" else message.zh
    late = LOW_WAITS if message.urgency is Urgency.LOW else timedelta()
    return Delivery(
        id=f"{message.id}|{copy.audience}|{way.endpoint}",
        subdistrict=message.subdistrict,
        community=message.community or community,
        message=message.id,
        audience=copy.audience,
        endpoint=way.endpoint,
        line=way.line,
        channel=way.channel,
        language=way.language,
        urgency=message.urgency,
        rank=RANK[message.urgency],
        template=message.template,
        incident=message.incident,
        public_code=message.code,
        title=words.title,
        text=words.text,
        next=words.next,
        link=message.link,
        parts={name: value.en if way.language == "en" else value.zh for name, value in message.parameters.items()},
        stored=copy.stored,
        due=copy.stored + late,
    )


def skipped(delivery: Delivery, code: str, now: datetime) -> Delivery:
    """It is not sent, for a reason."""
    return replace(delivery, state=State.SKIPPED, code=code, ended=now)


def told(delivery: Delivery, outcome: Outcome, now: datetime, jitter: float) -> Delivery:
    """After an attempt. `jitter` in 0 to 1 spreads the next one. Urgent: at least once; the rest: at most once."""
    tried = replace(delivery, tries=delivery.tries + 1, attempts=(*delivery.attempts, Attempt(now, outcome.code))[-20:])
    if isinstance(outcome, Sent):
        return replace(tried, state=State.SENT, code=outcome.code, ended=now)
    if isinstance(outcome, Refused):
        return replace(tried, state=State.FAILED, code=outcome.code, ended=now)
    if not isinstance(outcome, Retry) and not delivery.urgent:
        return replace(tried, state=State.UNCERTAIN, code=outcome.code, ended=now)
    after = outcome.after if isinstance(outcome, Retry) else 0.0
    if after:  # the other side says when: it has not failed, it is busy
        return replace(tried, state=State.WAITING, tries=delivery.tries, due=now + timedelta(seconds=after))
    if tried.tries >= MOST_TRIES:
        return replace(tried, state=State.FAILED, code=f"gave_up_{outcome.code}", ended=now)
    wait = min(_FIRST * 2.0**delivery.tries, _LONGEST) * (1.0 + jitter / 2)
    return replace(tried, state=State.WAITING, due=now + timedelta(seconds=wait))


def found_sending(delivery: Delivery, now: datetime) -> Delivery:
    """What a process that died had under way: urgent goes out again, the rest may have arrived and does not."""
    tried = replace(delivery, attempts=(*delivery.attempts, Attempt(now, "crash"))[-20:])
    if delivery.urgent:
        return replace(tried, state=State.WAITING)
    return replace(tried, state=State.UNCERTAIN, code="crash", ended=now)


def after_call(line: Line, outcome: Outcome, now: datetime) -> Line:
    """The circuit breaker: several failures in a row and the line rests, longer each time; then one call tries it."""
    if isinstance(outcome, Sent | Refused):
        return replace(line, failures=0, blocked_until=None, cause="")
    if isinstance(outcome, Retry) and outcome.after:
        return replace(line, blocked_until=now + timedelta(seconds=outcome.after), cause=outcome.code)
    failures = line.failures + 1
    if failures < FAILURES_THAT_REST:
        return replace(line, failures=failures)
    rest = min(_REST_FIRST * 2.0 ** (failures - FAILURES_THAT_REST), _REST_LONGEST)
    return replace(line, failures=failures, blocked_until=now + timedelta(seconds=rest), cause=outcome.code)
