"""Join or new: decided in the transaction that stores the report, by what is true at that moment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from services.intake import events
from services.intake.domain.moving import with_report
from services.intake.domain.report import How, Incident, Report, open_incident
from services.intake.domain.spot import JOINABLE, Spot, is_open, just_resolved, metres_to, set_apart, spot_of
from services.intake.ports import Holdings
from shared.context import Context
from shared.errors import Invalid
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, UndeclaredRead, Work

_LONGEST_CHAIN = 3
"""Merges one after the other that are followed to the main incident; the lane looks no further."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the rider says of what he was shown, and what our own search has found near him. All are incidents."""

    join: str | None = None
    broken_again: str | None = None
    not_same_as: tuple[str, ...] = ()
    near: tuple[str, ...] = ()

    @property
    def wanted(self) -> tuple[str, str] | None:
        """(field, incident) that he means, None if he means none."""
        if self.join is not None:
            return "join", self.join
        return None if self.broken_again is None else ("broken_again", self.broken_again)

    @property
    def named(self) -> tuple[str, ...]:
        wanted = self.wanted
        return tuple(dict.fromkeys((*((wanted[1],) if wanted else ()), *self.not_same_as, *self.near)))


NOTHING = Said()
"""Nobody was asked, and nothing is near."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a new report goes. Without `known` it opens an incident; `doubtful` if that may be a known one; `apart` are
    those that it is said not to be."""

    known: Incident | None
    how: How
    doubtful: bool
    apart: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Joining:
    """The part of `OpenReport` that chooses, and that writes what the choice is about."""

    holdings: Holdings
    said: Said

    def reads(self, report: Report) -> Iterable[Ref]:
        named = (report.incident, *self.said.named)
        return [records.ref(id_) for id_ in named for records in (self.holdings.incidents, self.holdings.spots)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """The main incidents of those that were merged, as far as they are loaded by now."""
        chains = [id_ for named in self.said.named for id_ in self._chain(work, named)]
        return [records.ref(id_) for id_ in chains for records in (self.holdings.incidents, self.holdings.spots)]

    def choose(self, work: Work, report: Report) -> Choice:
        """Raises `Invalid` naming what is no incident of the sub-district."""
        for index, id_ in enumerate(self.said.not_same_as):
            self._known(work, f"not_same_as.{index}", id_, report)
        if self.said.wanted is not None:
            return self._meant(work, *self.said.wanted, report)
        apart = [self._spot(work, id_) for id_ in self.said.not_same_as]
        ids = {spot.id for spot in apart if spot is not None}
        near = [self._spot(work, id_) for id_ in self.said.near]
        doubtful = any(spot.id not in ids and _is_current(spot, work) for spot in near if spot is not None)
        return Choice(None, "opened", doubtful, tuple(spot for spot in apart if spot is not None))

    def put(self, work: Work, report: Report, choice: Choice, context: Context) -> None:
        """Write the incident of the report, its event and its place."""
        if choice.known is not None:
            told = events.sighted(report, "joined" if choice.how == "opened" else choice.how, context, work.now)
            self.holdings.incidents.put(work, with_report(choice.known, report), told)
            return
        opened: list[Outgoing] = [events.incident_reported(report, context)] if report.told else []
        self.holdings.incidents.put(work, open_incident(report), *opened)
        spot = spot_of(report)
        for other in choice.apart:
            spot = set_apart(spot, other.id)
            if (after := set_apart(other, report.incident)) != other:
                self.holdings.spots.put(work, after)
        self.holdings.spots.put(work, spot)

    def _meant(self, work: Work, field: str, id_: str, report: Report) -> Choice:
        """The incident that he means, if it can still be joined: never a refusal because it has moved on."""
        self._known(work, field, id_, report)
        spot = self._spot(work, id_)
        known = self.holdings.incidents.get(work, spot.id) if spot is not None else None
        point = (report.place.wgs84.lng, report.place.wgs84.lat)
        if spot is not None and known is not None and metres_to(spot, point) <= JOINABLE:
            if is_open(spot):
                return Choice(known, "joined", doubtful=False, apart=())
            if field == "broken_again" and just_resolved(spot, work.now):
                return Choice(known, "broken_again", doubtful=False, apart=())
        return Choice(None, "opened", doubtful=True, apart=())

    def _known(self, work: Work, field: str, id_: str, report: Report) -> None:
        found = self.holdings.incidents.get(work, id_)
        if found is None or found.subdistrict != report.subdistrict:
            raise Invalid.field(field, "there is no such incident here; ask again what is near")

    def _spot(self, work: Work, id_: str) -> Spot | None:
        """Of the incident, or of what it was merged into."""
        *_, last = self._chain(work, id_)
        incident = self._loaded(work, last)
        if incident is None or incident.main is not None:
            return None
        return self.holdings.spots.get(work, last)

    def _chain(self, work: Work, id_: str) -> Iterator[str]:
        """The incident, its main one, and so on, as far as loaded; the last may not be loaded yet."""
        for _ in range(_LONGEST_CHAIN + 1):
            yield id_
            incident = self._loaded(work, id_)
            if incident is None or incident.main is None:
                return
            id_ = incident.main

    def _loaded(self, work: Work, id_: str) -> Incident | None:
        try:
            return self.holdings.incidents.get(work, id_)
        except UndeclaredRead:
            return None


def _is_current(spot: Spot, work: Work) -> bool:
    return is_open(spot) or just_resolved(spot, work.now)


def settled(report: Report, choice: Choice) -> Report:
    """The report as the choice makes it: part of a known incident under its code, or marked if that is in doubt."""
    if choice.known is not None:
        return replace(report, incident=choice.known.id, code=choice.known.code, how=choice.how)
    return replace(report, flags=(*report.flags, "possible_duplicate")) if choice.doubtful else report
