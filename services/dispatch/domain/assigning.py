"""Staff say who should act: the first ones, or more of them."""

from dataclasses import replace
from datetime import datetime

from services.dispatch.domain.incident import Happened, Incident, NotAllowed, Route, number
from services.dispatch.domain.routing import add_orders, offer
from services.dispatch.domain.settling import Terms, open_orders
from services.dispatch.domain.states import State, Who

_AT_WORK = (State.DISPATCHED, State.IN_PROGRESS, State.TEMPORARY_SAFE)


def assign(
    incident: Incident, chosen: Route, actor: str, at: datetime, terms: Terms
) -> tuple[Incident, list[Happened]]:
    """Offer it to the departments of `chosen`; the others go on. Raises `NotAllowed`."""
    if incident.state in (State.REPORTED, State.TRIAGED):
        return offer(incident, chosen, terms.limit, terms.hours, Who.STAFF, actor, at)
    if incident.state not in _AT_WORK:
        raise NotAllowed(f"the incident is {incident.state}: nobody can be sent now")
    busy = {order.department for order in open_orders(incident)} & set(chosen.departments)
    if busy:
        raise NotAllowed(f"departments: {', '.join(sorted(busy))} has an open order of it already")
    route = incident.route or chosen
    everybody = tuple(dict.fromkeys((*route.departments, *chosen.departments)))
    split = replace(incident, route=replace(chosen, departments=everybody))
    return number(*add_orders(split, chosen.departments, terms.limit, terms.hours, actor, at, chosen.rule))
