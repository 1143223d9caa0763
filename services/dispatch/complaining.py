"""Putting something into the complaint box."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.dispatch.domain.complaint import Complaint
from services.dispatch.ports import Complaints, Incidents
from shared.errors import Invalid
from shared.mongo.work import Ref, Work
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Complain:
    """Anybody who is known here may. It changes no incident and tells nobody by itself: the desk reads the box."""

    complaints: Complaints
    incidents: Incidents
    id: str
    scope: Scope
    text: str
    incident: str | None

    def reads(self) -> Iterable[Ref]:
        about = [] if self.incident is None else [self.incidents.ref(self.incident)]
        return [self.complaints.ref(self.id), *about]

    def decide(self, work: Work) -> Complaint:
        """Returns what was stored. Raises `Invalid` for an incident that is not of the sub-district."""
        complaint = Complaint(
            self.id,
            self.scope.subdistrict,
            self.scope.id,
            self.scope.actor,
            self.text,
            work.now,
            self.incident,
            self._community(work),
        )
        self.complaints.put(work, complaint)
        return complaint

    def _community(self, work: Work) -> str | None:
        if self.incident is None:
            return None
        found = self.incidents.get(work, self.incident)
        if found is None or found.subdistrict != self.scope.subdistrict:
            raise Invalid.field("incident", "there is no such incident in your sub-district")
        return found.community
