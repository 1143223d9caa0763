"""What reporters say later, carried out; and kept, if it is heard before the report itself."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from services.dispatch.domain import voices
from services.dispatch.domain.incident import Incident, Note, Reporter
from services.dispatch.domain.voices import Voice
from services.dispatch.ports import Incidents, Rules
from services.dispatch.saving import save, terms_of
from shared.context import Context
from shared.contracts.report_updated import ReportUpdated
from shared.mongo.work import Document, Ref, UndeclaredRead, Work
from shared.pseudonym import is_pseudonym

EARLY = "early_updates"
"""Topics arrive in any order between each other: what is said of an incident that is not here yet waits for it."""


@dataclass(frozen=True, slots=True)
class HearReporter:
    """One `report-updated`. Of a duplicate, it is said to the incident that it is a duplicate of."""

    incidents: Incidents
    rules: Rules
    update: ReportUpdated
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.update.incident), Ref(EARLY, self.update.incident)]

    def more_reads(self, work: Work) -> Iterable[Ref]:
        """Every incident on the way to the main one; each look sees one further."""
        found: list[Ref] = []
        try:
            incident = self.incidents.get(work, self.update.incident)
            while incident is not None and incident.main is not None:
                found.append(self.incidents.ref(incident.main))
                incident = self.incidents.get(work, incident.main)
        except UndeclaredRead:
            pass  # not loaded yet: the next look goes on from there
        return found

    def decide(self, work: Work) -> None:
        incident = self._addressed(work)
        if incident is None:
            _keep(work, self.update, self.context)
            return
        category, terms = terms_of(self.rules, incident)
        heard, happened = voices.hear(incident, voice_of(self.update), work.now, terms)
        save(work, self.incidents, heard, category, happened, self.context)

    def _addressed(self, work: Work) -> Incident | None:
        incident = self.incidents.get(work, self.update.incident)
        while incident is not None and incident.main is not None:
            incident = self.incidents.get(work, incident.main)
        return incident


def voice_of(update: ReportUpdated) -> Voice:
    """The event in the words of the domain; of somebody who was forgotten since, without his words."""
    text = "" if is_pseudonym(update.rider) else update.text or ""
    note = Note(update.received_at, update.rider, update.report, update.kind, text, update.photo_ids)
    reporter = None
    if update.kind in ("joined", "broken_again") and update.captured_at is not None:
        place = update.place.model_dump() if update.place else None
        reporter = Reporter(
            update.rider,
            update.report,
            update.captured_at,
            update.received_at,
            place,
            update.photo_ids,
            update.entered_by,
        )
    return Voice(update.kind, note, bool(update.emergency), reporter)


def replay(work: Work, incidents: Incidents, rules: Rules, incident: str) -> None:
    """Carry out what was said before the incident was here, in the order in which it was said."""
    early = work.get(EARLY, incident)
    if early is None:
        return
    for waiting in early["waiting"]:
        update, context = ReportUpdated.model_validate(waiting["update"]), Context(**waiting["context"])
        HearReporter(incidents, rules, update, context).decide(work)
    work.delete(EARLY, incident)


def _keep(work: Work, update: ReportUpdated, context: Context) -> None:
    early: Document = work.get(EARLY, update.incident) or {"_id": update.incident, "at": work.now, "waiting": []}
    waiting = {"update": update.model_dump(), "context": asdict(context)}
    work.put(EARLY, {**early, "waiting": [*early["waiting"], waiting]})
