"""What the desk's corrections are in the words of `incident-changed`."""

from typing import Any

from services.dispatch.domain.incident import CategoryChanged, Incident, PlaceChanged, ReportsMoved
from shared.contracts.incident_changed import IncidentChanged


def tell(
    incident: Incident, happened: PlaceChanged | CategoryChanged | ReportsMoved, actor_kind: str
) -> IncidentChanged:
    """The event for a correction; `incident` is as it is afterwards."""
    match happened:
        case PlaceChanged():
            more: dict[str, Any] = {"kind": "place", "place": incident.place}
        case CategoryChanged():
            more = {
                "kind": "category",
                "category": incident.category,
                "condition": incident.condition,
                "severity": incident.priority.value,
            }
        case ReportsMoved():
            kind = "merged" if happened.merged else "unmerged"
            more = {"kind": kind, "other_incident": happened.other, "reports": happened.reports}
    return IncidentChanged.model_validate(
        {
            "subdistrict": incident.subdistrict,
            "incident": incident.id,
            "code": incident.code,
            "actor_kind": actor_kind,
            "reason": happened.reason,
            **more,
        }
    )
