"""Messages as they are kept: one document per text, with everyone it went to and the number it has in each inbox."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from services.notify.domain.case import Case, Heard, Letter, riders_audiences
from services.notify.domain.telling import GROUPS, SIDES, Audience, Row, Urgency
from services.notify.domain.templates import TEMPLATES, Text, render
from services.notify.domain.words import Words, same


@dataclass(frozen=True, slots=True)
class Copy:
    """The message in one inbox: its number there, 1, 2, 3 … without a gap, and when it was put in (server time)."""

    audience: str
    sequence: int
    stored: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A text with what it was made of. `at` is when the thing happened. The natural key of a copy is (`event`, audience).

    `reference_version` is the reference data whose names it was told with. `community`: whose desk sees what became of it.
    `public`: its category may be spoken of where everybody reads. `unplanned`: copies of it may have ways to go beside the
    inbox, see `planning`.
    """

    id: str
    subdistrict: str
    event: str
    incident: str | None
    code: str | None
    template: str
    parameters: dict[str, Words]
    urgency: Urgency
    zh: Text
    en: Text
    link: str
    at: datetime
    to: tuple[Copy, ...] = field(default=())
    reference_version: str = ""
    community: str | None = None
    unplanned: bool = True
    public: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """An inbox: its `id` is the audience, `last` the number of its newest message."""

    id: str
    subdistrict: str
    last: int = 0


@dataclass(frozen=True, slots=True)
class ReadMark:
    """How far one account has read one inbox; colleagues who share an inbox each have their own."""

    id: str
    up_to: int = 0


def message_id(event: str, audience: Audience) -> str:
    """One text an event and side; the side keeps it known before anything is loaded."""
    return f"{event}|{SIDES[audience]}"


def mark_id(audience: str, account: str) -> str:
    """Whose mark on which inbox."""
    return f"{audience}|{account}"


_SOMEWHERE = Words("本网格", "this grid")


def of_case(case: Case, letter: Letter) -> Message:
    """The text of a letter. Riders read the words of the report, staff read the place and category as corrected."""
    step, row, report = letter.step, letter.row, case.report
    assert report is not None  # no letter is due before the report is known
    where, category = report.where, report.category
    if SIDES[row.audience] != "riders":
        where, category = step.where or where, step.category or category
    place = (where.plain or _SOMEWHERE) if row.audience in GROUPS else where.words
    values = {"code": same(report.code), "category": category, "place": place, **step.values}
    urgency = row.urgency or (Urgency.URGENT if report.emergency else Urgency.NORMAL)
    message = _message(step.key, case.subdistrict, case.id, report.code, row, urgency, values, step.at)
    public = report.public if step.public is None else step.public
    return replace(message, community=(step.where or report.where).community, public=public)


def of_passbook(heard: Heard, row: Row) -> tuple[Message, list[str]]:
    """The text of an event that needs no case, and the riders that it names."""
    urgency = row.urgency or Urgency.NORMAL
    values = heard.entry.of(heard.values)
    message = _message(heard.key, heard.subdistrict, heard.incident, None, row, urgency, values, heard.at)
    return message, riders_audiences(heard.riders)


def _message(
    event: str,
    subdistrict: str,
    incident: str | None,
    code: str | None,
    row: Row,
    urgency: Urgency,
    values: dict[str, Words],
    at: datetime,
) -> Message:
    zh, en, link = render(TEMPLATES[row.template], values)
    return Message(
        id=message_id(event, row.audience),
        subdistrict=subdistrict,
        event=event,
        incident=incident,
        code=code,
        template=row.template,
        parameters=values,
        urgency=urgency,
        zh=zh,
        en=en,
        link=link,
        at=at,
    )
