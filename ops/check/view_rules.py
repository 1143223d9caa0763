"""Rules 8 and 9: inboxes, and what the services show of what others have told them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from ops.check import folds
from ops.check.delivery_rules import deliveries, holes
from ops.check.folds import Facts
from ops.check.snapshot import Snapshot
from services.intake.domain.status import Status
from services.notify.domain.case import Case, news
from services.notify.domain.message import Copy, message_id, of_passbook
from services.notify.domain.message import Message as Told
from services.points.domain.incident import Incident as Paid

Shown = TypeVar("Shown")
Folded = TypeVar("Folded")


def inboxes(snapshot: Snapshot) -> tuple[int, list[str]]:
    """8: each inbox is numbered without a gap, each message is there once, in both languages, and none is missing; what goes
    out beside it ends with a reason."""
    copies = sum(len(told.to) for told in snapshot.messages)
    found = [*_numbers(snapshot), *_once(snapshot), *_texts(snapshot.messages), *_due(snapshot)]
    return copies + len(snapshot.sendings), [*found, *deliveries(snapshot)]


def _numbers(snapshot: Snapshot) -> Iterator[str]:
    """What retention has removed is no hole."""
    there: dict[str, list[Copy]] = defaultdict(list)
    for told in snapshot.messages:
        for copy in told.to:
            there[copy.audience].append(copy)
    last = {inbox.id: inbox.last for inbox in snapshot.recipients}
    yield from (f"inbox {name}: has messages and is not known" for name in there if name not in last)
    for name, end in last.items():
        absent = set(range(1, end + 1)) - {copy.sequence for copy in there[name]}
        missing = holes(snapshot, absent, there[name])
        if missing or len(there[name]) + len(absent) != end:
            lacks = ", ".join(map(str, sorted(missing)[:10])) or "none"
            yield f"inbox {name}: holds {len(there[name])} messages, {end} were put; missing {lacks}"


def _once(snapshot: Snapshot) -> Iterator[str]:
    times = Counter((told.event, copy.audience) for told in snapshot.messages for copy in told.to)
    yield from (f"inbox {audience}: {event} stands there {n} times" for (event, audience), n in times.items() if n > 1)


def _texts(messages: tuple[Told, ...]) -> Iterator[str]:
    for told in messages:
        for language, text in (("zh-CN", told.zh), ("en", told.en)):
            if not text.title or not text.text:
                yield f"message {told.id}: has no text in {language}"


def _due(snapshot: Snapshot) -> Iterator[str]:
    """Against the table of who is told what."""
    cases = folds.cases(snapshot)
    due = {(id_, audience): at for case in cases.values() for id_, audience, at in _letters(case)}
    for heard in folds.told(snapshot):
        if not heard.entry.of_case or heard.incident is None:
            for row in heard.entry.rows:
                told, audiences = of_passbook(heard, row)
                due |= {(told.id, audience): heard.at for audience in audiences}
    put = {(told.id, copy.audience): told.incident for told in snapshot.messages for copy in told.to}
    gone = snapshot.removed_before.get("messages")
    for id_, audience in sorted({*due} - {*put}):
        if gone is None or due[id_, audience] >= gone:
            yield f"inbox {audience}: {id_} is missing"
    for (id_, audience), incident in put.items():
        if incident in cases and (id_, audience) not in due:
            yield f"inbox {audience}: {id_} was to be told to nobody there"


def _letters(case: Case) -> Iterator[tuple[str, str, datetime]]:
    for letter in news(Case(case.id, case.subdistrict), case):
        yield message_id(letter.step.key, letter.row.audience), letter.audience, letter.step.at


def projections(snapshot: Snapshot) -> tuple[int, list[str]]:
    """9: what intake, notify and points know from others equals a fold of the retained topics."""
    statuses, cases, facts = folds.statuses(snapshot), folds.cases(snapshot), folds.facts(snapshot)
    counted = len(statuses) + len(cases) + len(facts)
    shown = {status.id: status for status in snapshot.statuses}
    found = [*_differing("intake", shown, statuses, _same_status)]
    found += _differing("notify", {case.id: case for case in snapshot.cases}, cases, _same_case)
    found += _differing("points", {paid.id: paid for paid in snapshot.paid}, facts, _same_facts)
    return counted, found


def _differing(
    service: str, shown: Mapping[str, Shown], folded: Mapping[str, Folded], alike: Callable[[Shown, Folded], bool]
) -> Iterator[str]:
    for id_, wanted in folded.items():
        if id_ not in shown:
            yield f"incident {id_}: {service} does not know it"
        elif not alike(shown[id_], wanted):
            yield f"incident {id_}: {service} shows it otherwise than its topics tell"


def _same_status(shown: Status, folded: Status) -> bool:
    return _ordered(shown) == _ordered(folded)


def _ordered(status: Status) -> Status:
    """Topics overtake each other, so lines that come from several are sorted; MongoDB keeps milliseconds."""
    points = sorted((replace(line, at=_stored(line.at)) for line in status.points), key=lambda line: line.entry)
    fixed = sorted((replace(one, at=_stored(one.at)) for one in status.fixed), key=lambda one: one.cycle)
    steps = (replace(step, at=_stored(step.at)) for step in status.steps)
    return replace(status, steps=tuple(steps), fixed=tuple(fixed), points=tuple(points))


def _stored(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _same_case(shown: Case, folded: Case) -> bool:
    """All but the words, which come from reference data."""
    return _told_of(shown) == _told_of(folded)


def _told_of(case: Case) -> tuple[object, ...]:
    report = case.report and (case.report.code, case.report.rider, case.report.where.community, case.report.emergency)
    joined = {(one.rider, one.since) for one in case.joined}
    where = case.where and case.where.community
    return report, joined, where, case.returned, {(step.key, step.word, step.at) for step in case.steps}


def _same_facts(shown: Paid, folded: Facts) -> bool:
    sightings = {sighting.report for sighting in shown.sightings}
    known = Facts(sightings, shown.changes, shown.state, shown.resolved is not None)
    return known == folded
