"""Fixed, and yet not: a new cycle with a new clock and new orders."""

from datetime import datetime

from services.dispatch.domain import running
from services.dispatch.domain.incident import Happened, Incident, NotAllowed, move
from services.dispatch.domain.routing import add_orders
from services.dispatch.domain.settling import Terms
from services.dispatch.domain.states import FINISHED_ORDERS, State, Who


def reopen(
    incident: Incident,
    who: Who,
    actor: str,
    at: datetime,
    reason: str,
    terms: Terms,
    departments: tuple[str, ...] = (),
) -> tuple[Incident, list[Happened]]:
    """Dispatch it again: to `departments`, or else to those that had done it, or whom the route named.

    Points that were paid stay paid; what is done again pays nothing more. Raises `NotAllowed`.
    """
    to = departments or _who_had_it(incident)
    if not to:
        raise NotAllowed("departments: nobody has worked on it, so say who should")
    opened, changed = move(incident, State.DISPATCHED, who, actor, at, reason)
    opened = running.reopen(opened, at, actor)
    happened: list[Happened] = [changed]
    for department in to:
        again = any(o.department == department and o.state in FINISHED_ORDERS for o in incident.orders)
        kind = "reopen" if again else "offer"
        opened, told = add_orders(opened, (department,), terms.limit, terms.hours, actor, at, reason, kind)
        happened += told
    return opened, happened


def _who_had_it(incident: Incident) -> tuple[str, ...]:
    done = [o.department for o in incident.orders if o.cycle == incident.cycle and o.state in FINISHED_ORDERS]
    return tuple(dict.fromkeys(done)) or (incident.route.departments if incident.route else ())
