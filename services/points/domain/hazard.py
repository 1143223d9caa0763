"""Who is owed what for an incident, and which entries are missing to say so."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from services.points.domain.entry import AWARD, Entry, Kind, Step
from services.points.domain.incident import HAZARD, How, Incident, Judged, Resolved, Sighting
from services.points.domain.keys import award_key, reversal_key
from services.points.domain.tariff import Row, Tariff, Tariffs

Written = Callable[[str], Entry | None]
"""The entry under a natural key, if it is in the ledger."""


@dataclass(frozen=True, slots=True)
class Award:
    """A rider is owed `points` by `rule` for his report; `at` is the time that counts for caps."""

    rider: str
    report: str
    at: datetime
    rule: str
    points: int


def promised(incident: Incident, tariffs: Tariffs) -> list[Award]:
    """What the facts so far promise: nothing before the first report is known and somebody has looked at it.

    Of a rider who reports again, the report received first counts; so nobody whose promise has ended comes up again.
    """
    if incident.resolved or not incident.reported or not incident.promised or incident.unpaid:
        return []
    if incident.activity != HAZARD:
        return []
    own = {s.rider: s for s in sorted(incident.sightings, key=lambda s: (s.received_at, s.report), reverse=True)}
    by_time = sorted(own.values(), key=lambda s: (_counts_from(s, tariffs), s.received_at, s.report))
    return _places(by_time, tariffs, emergency=incident.emergency)


def due(resolved: Resolved, tariffs: Tariffs) -> list[Award]:
    """What a resolution pays, in the order that dispatch froze; who put it right himself is paid for that alone."""
    if resolved.activity != HAZARD:
        return []
    if resolved.how is How.SELF_FIXED:
        return [_award(resolved.sightings[0], _self_fixed, tariffs, emergency=resolved.emergency)]
    return _places(resolved.sightings, tariffs, emergency=resolved.emergency)


def riders_of(incident: Incident, tariffs: Tariffs) -> list[str]:
    """Everybody who may have been promised, or is owed, something for it."""
    owed = due(incident.resolved, tariffs) if incident.resolved else []
    return list(dict.fromkeys([*(sighting.rider for sighting in incident.sightings), *(award.rider for award in owed)]))


def steps(incident: Incident, tariffs: Tariffs, written: Written, *, paying: bool) -> list[Step]:
    """The entries that the ledger lacks: promises that no longer hold are voided, then others are made, or all is paid.

    `paying`: whether it was just resolved for the first time, the one moment at which it pays. A promise is made once:
    what was voided is not promised again, but is paid if it turns out to be owed.
    """
    owed = due(incident.resolved, tariffs) if incident.resolved else promised(incident, tariffs)
    owed = [award for award in owed if award.report not in incident.bogus]
    found = _voids(incident, owed, tariffs, written)
    if incident.resolved is None:
        return found + [step for award in owed for step in _promise(incident, award, written)]
    return found + [step for award in owed if paying for step in _post(incident, award, written)]


def _voids(incident: Incident, owed: list[Award], tariffs: Tariffs, written: Written) -> list[Step]:
    kept = {(award.rider, award.rule) for award in owed}
    reason, found = _why(incident), list[Step]()
    for rider in riders_of(incident, tariffs):
        for rule in tariffs.rules:
            pending = _open(incident.id, rider, rule, written)
            if pending is not None and (rider, rule) not in kept:
                amount, why = pending.amount, "bogus" if pending.report in incident.bogus else reason
                found.append(Step(rider, Kind.VOID, rule, amount, why, pending.report, pending.captured_at))
    return found


def to_reverse(judged: Judged, incident: Incident, tariffs: Tariffs, written: Written) -> list[Entry]:
    """What was paid for a report that turns out to be bogus, as far as it was not taken back before."""
    keys = [award_key(incident.id, rule, judged.rider, Kind.POST) for rule in tariffs.awards]
    paid = [entry for key in keys if (entry := written(key)) and entry.report == judged.report]
    return [entry for entry in paid if not written(reversal_key(entry.id))]


def _places(ordered: Iterable[Sighting], tariffs: Tariffs, *, emergency: bool) -> list[Award]:
    """The first, then other riders who are near enough in time, up to the table's limit; a rider counts once."""
    by_rider: dict[str, Sighting] = {}
    for sighting in ordered:
        by_rider.setdefault(sighting.rider, sighting)
    first, *others = by_rider.values()
    start = _counts_from(first, tariffs)
    row = tariffs.at(start).co_reporter
    near = [s for s in others if row.within is None or _counts_from(s, tariffs) - start <= row.within]
    co_reporters = [_award(sighting, _co_reporter, tariffs, emergency=emergency) for sighting in near[: row.limit]]
    return [_award(first, _first, tariffs, emergency=emergency), *co_reporters]


def _award(sighting: Sighting, row_of: Callable[[Tariff], Row], tariffs: Tariffs, *, emergency: bool) -> Award:
    """By the rules that held when it was seen."""
    at = _counts_from(sighting, tariffs)
    row = row_of(tariffs.at(at))
    return Award(sighting.rider, sighting.report, at, row.rule, row.pays(emergency=emergency))


def _counts_from(sighting: Sighting, tariffs: Tariffs) -> datetime:
    return sighting.counts_from(tariffs.at(sighting.received_at).trusted)


def _first(tariff: Tariff) -> Row:
    return tariff.first


def _co_reporter(tariff: Tariff) -> Row:
    return tariff.co_reporter


def _self_fixed(tariff: Tariff) -> Row:
    return tariff.self_fixed


def _open(incident: str, rider: str, rule: str, written: Written) -> Entry | None:
    """The promise, unless it was kept or voided."""
    if any(written(award_key(incident, rule, rider, kind)) for kind in (Kind.POST, Kind.VOID)):
        return None
    return written(award_key(incident, rule, rider, Kind.PENDING))


def _why(incident: Incident) -> str:
    """The reason of a void: a word of the contract."""
    resolved = incident.resolved
    if resolved is None:
        return incident.unpaid or "superseded"
    if resolved.activity != HAZARD:
        return "category"
    return "self_fixed" if resolved.how is How.SELF_FIXED else "superseded"


def _promise(incident: Incident, award: Award, written: Written) -> list[Step]:
    if any(written(award_key(incident.id, award.rule, award.rider, kind)) for kind in AWARD):
        return []
    assert incident.promised is not None  # nothing is promised before that
    return [Step(award.rider, Kind.PENDING, award.rule, award.points, incident.promised, award.report, award.at)]


def _post(incident: Incident, award: Award, written: Written) -> list[Step]:
    if written(award_key(incident.id, award.rule, award.rider, Kind.POST)):
        return []
    pending = _open(incident.id, award.rider, award.rule, written)
    releases = pending.amount if pending else 0
    reason = "incident_resolved"
    return [Step(award.rider, Kind.POST, award.rule, award.points, reason, award.report, award.at, releases)]
