"""Reference data in the words of dispatch."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.dispatch.domain.clocks import Deadline, Limit, Priority, Unit
from services.dispatch.domain.incident import Asked, Route
from services.dispatch.ports import CategoryRule, Step
from shared.reference.calendars import Calendar
from shared.reference.explaining import explain
from shared.reference.reference import Reference
from shared.reference.routing import Facts, RouteError, decide

_SUBDISTRICT_DIGITS = 9


@dataclass(frozen=True, slots=True)
class LocalHours:
    """See `Hours`: the calendar by the clock of one sub-district."""

    calendar: Calendar
    zone: ZoneInfo

    def after(self, start: datetime, left: timedelta) -> Deadline:
        due, confirmed = self.calendar.after(self._local(start), left)
        return Deadline(due.replace(tzinfo=self.zone).astimezone(start.tzinfo), unconfirmed=not confirmed)

    def between(self, start: datetime, end: datetime) -> timedelta:
        return self.calendar.between(self._local(start), self._local(end))

    def day(self, start: datetime) -> timedelta:
        return self.calendar.working_day(self._local(start).date())

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)


class ReferenceRules:
    """See `Rules` and `Explaining`."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._hours = {
            code: LocalHours(reference.calendar, ZoneInfo(place.zone)) for code, place in reference.subdistricts.items()
        }

    @property
    def version(self) -> str:
        return self._reference.version

    def category(self, category: dict[str, str], condition: str | None) -> CategoryRule | None:
        kind = self._reference.categories.get((category["scheme"], category["code"]))
        found = kind.condition(condition) if kind else None
        if kind is None or found is None:
            return None
        limit = Limit(found.limit.value, Unit(found.limit.unit))
        repair = Limit(found.repair.value, Unit(found.repair.unit)) if found.repair else None
        return CategoryRule(kind.zh, kind.en, Priority(found.priority), limit, kind.after_photo_required, repair)

    def hours(self, subdistrict: str) -> LocalHours:
        return self._hours[subdistrict]

    def is_department(self, code: str) -> bool:
        return code in self._reference.departments

    @property
    def departments(self) -> frozenset[str]:
        return frozenset(self._reference.departments)

    def locate(self, lng: float, lat: float) -> dict[str, str] | None:
        path = self._reference.grid.locate(lng, lat)
        return None if path is None else asdict(path)

    def route(self, asked: Asked) -> Route | str:
        facts = self._facts(asked)
        reference = self._reference
        found = (
            facts
            if isinstance(facts, RouteError)
            else decide(reference.rules, reference.departments, facts, reference.version)
        )
        if isinstance(found, RouteError):
            return f"{found.rule or 'routing'}: {found.reason}"
        return Route(found.departments, found.rule, found.version, asked)

    def explain(self, asked: Asked) -> list[Step]:
        facts = self._facts(asked)
        if isinstance(facts, RouteError):
            return []
        why = {rule.code: rule.why for rule in self._reference.rules}
        steps = explain(self._reference.rules, self._reference.departments, facts)
        return [Step(step.rule, step.verdict, step.text, why[step.rule]) for step in steps]

    def _facts(self, asked: Asked) -> Facts | RouteError:
        subdistrict = self._reference.subdistricts.get(asked.place[:_SUBDISTRICT_DIGITS])
        local = asked.at.astimezone(ZoneInfo(subdistrict.zone)).replace(tzinfo=None) if subdistrict else None
        key = asked.category["scheme"], asked.category["code"]
        return self._reference.facts(
            key, asked.condition, asked.place, asked.priority.value if asked.priority else None, local, asked.answers
        )
