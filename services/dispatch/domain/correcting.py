"""Staff know better where or what it is. Who must act is asked once more, and each department is told what is its due."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.ending import call_off
from services.dispatch.domain.evidence import without_flag
from services.dispatch.domain.incident import CategoryChanged, Happened, Incident, Line, NotAllowed, PlaceChanged, Route
from services.dispatch.domain.routing import add_orders, send
from services.dispatch.domain.settling import Terms, correct, open_orders, settle
from services.dispatch.domain.states import State, Who

CORRECTABLE = (State.REPORTED, State.TRIAGED, State.DISPATCHED, State.IN_PROGRESS, State.TEMPORARY_SAFE)
"""While it waits for somebody no orders are offered; what is over stays as it was."""

NEEDS_LOCATION = "needs_location"


@dataclass(frozen=True, slots=True)
class Kind:
    """What staff say it is: the class is the condition's, unless they set another."""

    category: dict[str, str]
    condition: str | None
    priority: Priority
    photo_required: bool


@dataclass(frozen=True, slots=True)
class Rerouted:
    """What the rules said before the correction and say after it; a text is why nobody can be named."""

    before: Route | str
    after: Route | str

    @property
    def changes(self) -> bool:
        """Whether somebody else must act: where the rules say the same, what staff have chosen stands."""
        old = self.before.departments if isinstance(self.before, Route) else None
        return isinstance(self.after, Route) and self.after.departments != old


def place(
    incident: Incident, put: dict[str, Any], actor: str, at: datetime, reason: str, rerouted: Rerouted, terms: Terms
) -> tuple[Incident, list[Happened]]:
    """Move it there; the history keeps where it was. Raises `NotAllowed`."""
    _check(incident)
    old = incident.place["wgs84"]
    line = Line(at, actor, f"place corrected, it was {old['lng']}, {old['lat']} in {_grid(incident)}", reason)
    moved = replace(without_flag(incident, NEEDS_LOCATION), place=put, history=(*incident.history, line))
    return _send_on(moved, actor, at, rerouted, terms, [PlaceChanged(reason)])


def category(
    incident: Incident, kind: Kind, actor: str, at: datetime, reason: str, rerouted: Rerouted, terms: Terms
) -> tuple[Incident, list[Happened]]:
    """Say what it is and of which class; running deadlines stay, new orders get the new limit. Raises `NotAllowed`."""
    _check(incident)
    was = f"{incident.category['scheme']}:{incident.category['code']} {incident.condition or ''} {incident.priority}"
    line = Line(at, actor, f"category corrected, it was {was}", reason)
    known = replace(
        incident,
        category=kind.category,
        condition=kind.condition,
        priority=kind.priority,
        photo_required=kind.photo_required,
        history=(*incident.history, line),
    )
    return _send_on(known, actor, at, rerouted, terms, [CategoryChanged(reason)])


def _check(incident: Incident) -> None:
    if incident.state not in CORRECTABLE:
        raise NotAllowed(f"the incident is {incident.state}: corrections are for what is being worked on")


def _grid(incident: Incident) -> str:
    path: dict[str, str] | None = incident.place.get("grid")
    return path["micro_grid"] if path else "no micro-grid"


def _send_on(
    incident: Incident, actor: str, at: datetime, rerouted: Rerouted, terms: Terms, happened: list[Happened]
) -> tuple[Incident, list[Happened]]:
    """Those who stay are told what is new, the others are called off, newcomers get an order. Not numbered yet."""
    route = rerouted.after
    if isinstance(route, str):
        line = Line(at, actor, "no rule names who must act", route)
        return replace(incident, history=(*incident.history, line)), [*happened, *correct(incident)]
    if incident.state in (State.REPORTED, State.TRIAGED):
        return _first_offer(incident, route, actor, at, terms, happened)
    if not rerouted.changes:
        return incident, [*happened, *correct(incident)]
    return _exchange(replace(incident, route=route), route, actor, at, terms, happened)


def _first_offer(
    incident: Incident, route: Route, actor: str, at: datetime, terms: Terms, happened: list[Happened]
) -> tuple[Incident, list[Happened]]:
    """It waited for this. Who returned it already in this cycle is not asked again: then people decide."""
    if any(order.cycle == incident.cycle for order in incident.orders):
        return incident, happened
    sent, offered = send(incident, route, terms.limit, terms.hours, Who.STAFF, actor, at)
    return sent, [*happened, *offered]


def _exchange(
    incident: Incident, route: Route, actor: str, at: datetime, terms: Terms, happened: list[Happened]
) -> tuple[Incident, list[Happened]]:
    gone = [order for order in open_orders(incident) if order.department not in route.departments]
    known = {order.department for order in incident.orders if order.cycle == incident.cycle}
    new = tuple(department for department in route.departments if department not in known)
    stay = [order.id for order in open_orders(incident) if order not in gone]
    incident, offered = add_orders(incident, new, terms.limit, terms.hours, actor, at, route.rule)
    incident, withdrawn = call_off(incident, gone, actor, at, f"rerouted by {route.rule}")
    told = [one for one in correct(incident) if one.order in stay]
    return settle(incident, at, [*happened, *withdrawn, *offered, *told])
