"""What notify knows of one incident, and what can be said because of it.

Topics overtake each other, so a case is a set of facts: the messages that are due follow from all facts together and
from nothing else. Each event adds facts; what is due afterwards and was not before goes out now. That is why any order
of topics leads to the same messages, each once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.notify.domain.telling import TABLE, Audience, Entry, Row
from services.notify.domain.words import Words
from shared.contracts.topics import INCIDENT_CHANGED
from shared.pseudonym import is_pseudonym


@dataclass(frozen=True, slots=True)
class Where:
    """A place in words, and the code of its community (None while it is uncertain). `plain`: the words of the grid tree
    alone, without what a person wrote; `grid`: the micro-grid."""

    words: Words
    community: str | None
    grid: str | None = None
    plain: Words | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The first report: a rider knows the thing by what it says, whatever staff correct later."""

    code: str
    rider: str
    category: Words
    where: Where
    emergency: bool
    public: bool = False


@dataclass(frozen=True, slots=True)
class Joined:
    """A further reporter, who hears of what happened from then on."""

    rider: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A work order as the last event that spoke of it left it. `open`: its department still has to act."""

    id: str
    department: str
    due: datetime
    open: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """One event in notify's words. `word` is what happened, by the table; the rest are the facts that it brings."""

    topic: str
    event: str
    word: str
    at: datetime
    subdistrict: str
    incident: str | None
    values: dict[str, Words] = field(default_factory=dict)
    riders: tuple[str, ...] = ()
    report: Reported | None = None
    joined: Joined | None = None
    where: Where | None = None
    category: Words | None = None
    public: bool | None = None
    department: str | None = None
    order: Order | None = None
    squad: str | None = None

    @property
    def key(self) -> str:
        return f"{self.topic}|{self.event}"

    @property
    def entry(self) -> Entry:
        return TABLE[self.topic, self.word]


@dataclass(frozen=True, slots=True)
class Step:
    """An event that somebody is told of. `where` and `category` are as staff had corrected them by then, `before` is the
    corrected place before it; None where the report still holds."""

    key: str
    topic: str
    word: str
    at: datetime
    values: dict[str, Words]
    riders: tuple[str, ...]
    where: Where | None = None
    before: Where | None = None
    category: Words | None = None
    public: bool | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One incident. `returned` counts orders of this cycle that came back and were not offered to another department yet.
    `over`: nothing more is to be done about it, as far as was heard. `since`: when it was reported. `paused`: since when its
    clocks stand, None if they run."""

    id: str
    subdistrict: str
    report: Reported | None = None
    joined: tuple[Joined, ...] = ()
    where: Where | None = None
    category: Words | None = None
    returned: int = 0
    steps: tuple[Step, ...] = ()
    over: bool = False
    public: bool | None = None
    orders: tuple[Order, ...] = ()
    since: datetime | None = None
    paused: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that is due to one audience, such as `rider:0192…` or `community:<code>`."""

    step: Step
    row: Row
    audience: str

    @property
    def key(self) -> str:
        """The natural key: however often the event comes, there is one message of it for this audience."""
        return f"{self.step.key}|{self.audience}"


_PAUSES = frozenset({"state:needs_info", "state:parked"})
_ENDS = frozenset({"state:resolved", "state:closed", "state:duplicate", "state:rejected", "state:closed_no_action"})


def learn(case: Case, heard: Heard) -> Case:
    """The case with the facts of one more event; the same event again adds nothing."""
    if any(step.key == heard.key for step in case.steps):
        return case
    word, returned = _offer(case, heard)
    known = replace(
        case,
        report=case.report or heard.report,
        joined=_joined(case, heard.joined),
        where=heard.where or case.where,
        category=heard.category or case.category,
        public=case.public if heard.public is None else heard.public,
        orders=_orders(_on_time(case, heard), heard.order),
        since=heard.at if heard.report else case.since,
        returned=returned,
        over=word in _ENDS if word.startswith("state:") else case.over,
        paused=_paused(case, heard),
    )
    entry = TABLE[heard.topic, word]
    if not entry.rows:
        return known
    step = Step(
        heard.key, heard.topic, word, heard.at, entry.of(heard.values), heard.riders, department=heard.department
    )
    if heard.topic == INCIDENT_CHANGED.name:
        # Only steps of the topic that brings corrections can say what was corrected by then.
        step = replace(step, where=known.where, before=case.where, category=known.category, public=known.public)
    return replace(known, steps=(*case.steps, step))


def news(before: Case, after: Case) -> list[Letter]:
    """What is due after an event and was not before it, in the order in which it happened."""
    told = {letter.key for letter in _due(before)}
    return [letter for letter in _due(after) if letter.key not in told]


def _offer(case: Case, heard: Heard) -> tuple[str, int]:
    """An offer after a return is a move. Returns the word, and how many returns are still unanswered."""
    if heard.word == "order_returned":
        return heard.word, case.returned + 1
    if heard.word == "order_offered" and case.returned:
        return "order_moved", case.returned - 1
    return heard.word, 0 if heard.word == "state:reopened" else case.returned


def _paused(case: Case, heard: Heard) -> datetime | None:
    if heard.word in _PAUSES:
        return case.paused or heard.at
    return None if heard.word.startswith("state:") else case.paused


def _on_time(case: Case, heard: Heard) -> tuple[Order, ...]:
    """Where the clocks run again, no event says until when: later by the pause, until the next word about the order. That
    may be some hours beside a deadline in working time, but never a due time that has stood still."""
    if case.paused is None or _paused(case, heard) is not None:
        return case.orders
    late = max(heard.at - case.paused, timedelta())
    return tuple(replace(order, due=order.due + late) if order.open else order for order in case.orders)


def _orders(orders: tuple[Order, ...], order: Order | None) -> tuple[Order, ...]:
    if order is None:
        return orders
    return (*(known for known in orders if known.id != order.id), order)


def _joined(case: Case, joined: Joined | None) -> tuple[Joined, ...]:
    if joined is None or any(known.rider == joined.rider for known in case.joined):
        return case.joined
    return (*case.joined, joined)


def _due(case: Case) -> list[Letter]:
    """Every message that the facts allow to be written: none before the report is known."""
    if case.report is None:
        return []
    letters: list[Letter] = []
    for step in sorted(case.steps, key=lambda step: step.at):
        for row in TABLE[step.topic, step.word].rows:
            letters += [Letter(step, row, audience) for audience in _audiences(case, case.report, step, row.audience)]
    return letters


def _audiences(case: Case, report: Reported, step: Step, audience: Audience) -> list[str]:
    match audience:
        case Audience.RIDER:
            return riders_audiences(step.riders)
        case Audience.REPORTERS:
            # The first reporter hears everything: two services' clocks must not make him miss the first step.
            later = [joined.rider for joined in case.joined if joined.since <= step.at]
            return riders_audiences((report.rider, *later, *step.riders))
        case Audience.STAFF:
            return [staff_audience(case.subdistrict, step.where or report.where)]
        case Audience.NEW_STAFF:
            where, before = step.where or report.where, step.before or report.where
            moved = where.community is not None and where.community != before.community
            return [staff_audience(case.subdistrict, where)] if moved else []
        case Audience.OFFICERS | Audience.UNIT | Audience.DANGER_UNIT:
            quiet = audience is Audience.DANGER_UNIT and not report.emergency
            groups = group_audiences(step.where or report.where)
            return [] if quiet or not groups else [groups[0 if audience is Audience.OFFICERS else 1]]
        case Audience.DEPARTMENT:
            return department_audiences(case.subdistrict, step.department)
        case Audience.LEADS:
            return [leads_audience(case.subdistrict)]
        case Audience.CAPTAIN:
            return []  # no step of an incident asks one


RIDER, ACCOUNT = "rider", "account"
"""Kinds of audiences that are one person."""


def riders_audiences(riders: Iterable[str]) -> list[str]:
    """The inboxes of these riders, each once. Whoever was forgotten has none."""
    return [rider_audience(rider) for rider in dict.fromkeys(riders) if not is_pseudonym(rider)]


def rider_audience(rider: str) -> str:
    """One rider's own inbox."""
    return f"{RIDER}:{rider}"


def staff_audience(subdistrict: str, where: Where) -> str:
    """The staff who see to a place; nobody guesses a community for an uncertain one."""
    return f"community:{where.community}" if where.community else leads_audience(subdistrict)


def leads_audience(subdistrict: str) -> str:
    """Who sees to everything in a sub-district."""
    return f"subdistrict:{subdistrict}"


def group_audiences(where: Where) -> tuple[str, ...]:
    """The officers' group of the community and the unit group of the micro-grid; none while the place is uncertain."""
    if where.community is None or where.grid is None:
        return ()
    return f"group:officers-{where.community}", f"group:unit-{where.grid}"


def department_audiences(subdistrict: str, department: str | None) -> list[str]:
    """The people of a department who see to a sub-district. A community's own inbox is its staff, who are told as such."""
    if department is None or department.startswith("community-"):
        return []
    return [department_audience(subdistrict, department)]


def department_audience(subdistrict: str, department: str) -> str:
    """Departments work for several sub-districts, each with people of its own."""
    return f"department:{subdistrict}:{department}"
