"""What the desk may decide about one incident: each is a form with its fields, and the one rule of the domain that it asks for.

`expected_version` is the version that the decision was made on.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.dispatch.asking import rerouted
from services.dispatch.domain import appealing, correcting, deadlines, ending, pausing, reopening
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.correcting import Kind
from services.dispatch.domain.evidence import without_flag
from services.dispatch.domain.incident import Foreign, Happened, Incident, NotAllowed, Order
from services.dispatch.domain.settling import Terms, correct
from services.dispatch.domain.states import State, Who
from services.dispatch.domain.voices import DISPUTED
from services.dispatch.ports import Rules
from shared.errors import Invalid
from shared.geo import crs

Reason = Annotated[str, Field(min_length=1, max_length=500)]
Outcome = tuple[Incident, list[Happened]]


@dataclass(frozen=True, slots=True)
class On:
    """Who decides, when (server time), and what reference data says."""

    actor: str
    at: datetime
    terms: Terms
    rules: Rules


class Decision(BaseModel):
    """One command of the desk. `act` raises `NotAllowed` where the tables do not allow it, `Invalid` for a bad field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    APPROVES: ClassVar[bool] = False
    """Whether it says that a report is right: not for whoever has entered it for the rider."""

    expected_version: int = Field(ge=1)

    @abstractmethod
    def act(self, incident: Incident, on: On) -> Outcome:
        """The incident afterwards, and what happened, not numbered yet."""


class Ask(Decision):
    """A question to the reporter; no clock runs until the answer."""

    question: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        return pausing.ask(incident, on.actor, on.at, self.question, on.terms.hours)


class Answer(Decision):
    """Staff know the answer themselves: it goes on where it was."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        if incident.state is not State.NEEDS_INFO:
            raise NotAllowed(f"the incident is {incident.state}: nobody was asked")
        return pausing.come_back(incident, Who.STAFF, on.actor, on.at, on.terms.hours, self.reason)


class Reject(Decision):
    """Nothing to act on; the reporter may appeal within 7 days."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        return ending.end(incident, State.REJECTED, Who.STAFF, on.actor, on.at, self.reason, on.terms.hours)


class DecideAppeal(Decision):
    """The reporter's appeal against a rejection."""

    APPROVES = True

    granted: bool
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        decided, happened = ending.decide_appeal(incident, on.actor, on.at, self.reason, granted=self.granted)
        return without_flag(decided, DISPUTED), happened


class NoAction(Decision):
    """Nothing will be done; it never counts as resolved."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        return ending.end(incident, State.CLOSED_NO_ACTION, Who.STAFF, on.actor, on.at, self.reason, on.terms.hours)


class Reopen(Decision):
    """Fixed, and yet not: a new cycle. Without departments, those that had done it."""

    reason: Reason
    departments: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=10)

    def act(self, incident: Incident, on: On) -> Outcome:
        check_departments(self.departments, on.rules)
        opened, happened = reopening.reopen(
            incident, Who.STAFF, on.actor, on.at, self.reason, on.terms, self.departments
        )
        return without_flag(opened, DISPUTED), happened


class MakeSafe(Decision):
    """Nobody is in danger now; the repair's clock runs."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        safe, changed = pausing.make_safe(incident, Who.STAFF, on.actor, on.at, self.reason, on.terms)
        return safe, [changed, *correct(safe)]


class Park(Decision):
    """It cannot be finished now: put it aside until `until`, within a year, once. The lead's consent is that he does it."""

    until: AwareDatetime
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        return pausing.park(incident, on.actor, on.at, self.until, self.reason, on.terms.hours)


class Unpark(Decision):
    """It can go on before its end date."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        if incident.state is not State.PARKED:
            raise NotAllowed(f"the incident is {incident.state}, not parked")
        return pausing.come_back(incident, Who.LEAD, on.actor, on.at, on.terms.hours, self.reason)


class PlaceIn(BaseModel):
    """Where it is. `crs` says what the coordinates are: wgs84, gcj02 or bd09."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lng: float = Field(allow_inf_nan=False)
    lat: float = Field(allow_inf_nan=False)
    crs: str | None = Field(default=None, max_length=10)
    accuracy_m: float = Field(default=5.0, ge=0, le=100)
    address: str | None = Field(default=None, max_length=200)


class CorrectPlace(Decision):
    """It lies somewhere else; micro-grid and route are decided anew, once."""

    place: PlaceIn
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        place = placed(self.place, incident, on.rules)
        sent = rerouted(incident, replace(incident, place=place), on.rules, on.at)
        return correcting.place(incident, place, on.actor, on.at, self.reason, sent, on.terms)


class CorrectCategory(Decision):
    """It is something else, or of another class; the route is decided anew, once. Running deadlines stay."""

    scheme: str = Field(min_length=1, max_length=40)
    code: str = Field(min_length=1, max_length=20)
    condition: str | None = Field(default=None, max_length=40)
    severity: Priority | None = None
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        category = {"scheme": self.scheme, "code": self.code}
        rule = on.rules.category(category, self.condition)
        if rule is None:
            raise Invalid.field("code", f"there is no {self.scheme}:{self.code} with that condition")
        kind = Kind(category, self.condition, self.severity or rule.priority, rule.after_photo_required)
        after = replace(incident, category=category, condition=self.condition, priority=kind.priority)
        sent = rerouted(incident, after, on.rules, on.at)
        terms = replace(on.terms, limit=rule.limit, repair=rule.repair)
        return correcting.category(incident, kind, on.actor, on.at, self.reason, sent, terms)


class Triage(Decision):
    """The final class is `severity`, whatever the rider ticked; the category stays."""

    severity: Priority
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        kind = Kind(incident.category, incident.condition, self.severity, incident.photo_required)
        sent = rerouted(incident, replace(incident, priority=self.severity), on.rules, on.at)
        return correcting.category(incident, kind, on.actor, on.at, self.reason, sent, on.terms)


class HandOver(Decision):
    """Another house, such as 12345, has the case too: its number there and its deadline are watched."""

    to: str = Field(min_length=1, max_length=40)
    number: str = Field(min_length=1, max_length=60)
    deadline: AwareDatetime

    def act(self, incident: Incident, on: On) -> Outcome:
        return deadlines.hand_over(incident, Foreign(self.to, self.number, self.deadline), on.actor, on.at)


class OnOrder(Decision):
    """A decision about one order of the incident."""

    order: str = Field(min_length=1, max_length=200)

    def of(self, incident: Incident) -> Order:
        """Raises `Invalid`."""
        order = incident.order(self.order)
        if order is None:
            raise Invalid.field("order", f"the incident has no order {self.order}")
        return order


class Withdraw(OnOrder):
    """Take an order back from its department."""

    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        return ending.withdraw(incident, self.of(incident), on.actor, on.at, self.reason)


class Verify(OnOrder):
    """Somebody has looked: it is really done."""

    APPROVES = True

    def act(self, incident: Incident, on: On) -> Outcome:
        return deadlines.verify(incident, self.of(incident), on.actor, on.at)


class DecideExtension(OnOrder):
    """A department asked for more time."""

    granted: bool
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        order, granted = self.of(incident), self.granted
        return deadlines.decide_extension(incident, order, on.actor, on.at, self.reason, on.terms, granted=granted)


class Excuse(OnOrder):
    """A deadline leaves the figures, the fact stays: a department's appeal is granted, or none was needed. `granted` false
    refuses the appeal."""

    granted: bool = True
    reason: Reason

    def act(self, incident: Incident, on: On) -> Outcome:
        answer = appealing.excuse if self.granted else appealing.refuse
        return answer(incident, self.of(incident), on.actor, on.at, self.reason)


def check_departments(codes: tuple[str, ...], rules: Rules) -> None:
    """Raises `Invalid` naming who does not exist or stands there twice."""
    unknown = [code for code in codes if not rules.is_department(code)]
    if unknown:
        raise Invalid.field("departments", f"there is no department {', '.join(unknown)}")
    if len(set(codes)) < len(codes):
        raise Invalid.field("departments", "the same department twice")


def placed(given: PlaceIn, incident: Incident, rules: Rules) -> dict[str, object]:
    """The contract's place for what staff say; raises `Invalid` outside the incident's sub-district."""
    wgs84 = crs.to_wgs84(given.lng, given.lat, given.crs)
    grid = rules.locate(*wgs84)
    if grid is None or grid["subdistrict"] != incident.subdistrict:
        raise Invalid.field("place", "lies in no micro-grid of this sub-district")
    gcj02 = crs.to_gcj02(*wgs84)
    return {
        "wgs84": {"lng": round(wgs84[0], 7), "lat": round(wgs84[1], 7)},
        "gcj02": {"lng": round(gcj02[0], 7), "lat": round(gcj02[1], 7)},
        "accuracy_m": given.accuracy_m,
        "grid": grid,
        "address": given.address or incident.place.get("address"),
        "flags": (),
    }
