"""Asking the routing rules about an incident as it stands."""

from datetime import datetime

from services.dispatch.domain.correcting import Rerouted
from services.dispatch.domain.incident import Asked, Incident, Route
from services.dispatch.ports import Rules


def rerouted(before: Incident, after: Incident, rules: Rules, at: datetime) -> Rerouted:
    """What the rules say of it as it was and as it is. Both are asked for the same moment: that time has passed moves nobody."""
    return Rerouted(found_by(before, rules, at), found_by(after, rules, at))


def found_by(incident: Incident, rules: Rules, at: datetime) -> Route | str:
    """Whom the rules send at that moment for an incident as it is, or why nobody."""
    asked = asked_of(incident, at)
    return "needs_location: the place is uncertain" if asked is None else rules.route(asked)


def asked_of(incident: Incident, at: datetime) -> Asked | None:
    """What the rules are asked at that moment, None while the place is too uncertain to ask."""
    path: dict[str, str] | None = incident.place.get("grid")
    if path is None:
        return None
    micro_grid = path["micro_grid"]
    return Asked(incident.category, incident.condition, incident.priority, micro_grid, at, incident.answers)
