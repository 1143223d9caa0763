"""One class per command or event: `reads` names what it looks at, `decide` is the whole transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.dispatch import events
from services.dispatch.asking import found_by
from services.dispatch.domain import assigning, routing, updates
from services.dispatch.domain.ending import SELF_FIXED
from services.dispatch.domain.evidence import Proof, mismatch
from services.dispatch.domain.incident import Happened, Incident, Line, NotAllowed, Order, Reporter, Route, Told, number
from services.dispatch.domain.reporters import saw
from services.dispatch.domain.states import State
from services.dispatch.domain.updates import Update, UpdateRefused
from services.dispatch.hearing import EARLY, replay
from services.dispatch.ports import CategoryRule, Incidents, Receipts, Rules
from services.dispatch.saving import SERVICE, save, terms_of
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.contracts.incident_reported import IncidentReported
from shared.contracts.topics import dispatch_topic
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.mongo.outbox import Outgoing
from shared.mongo.work import Ref, Work
from shared.pseudonym import is_pseudonym
from shared.scope import Scope

UNKNOWN_ORDERS = "unknown_orders"


@dataclass(frozen=True, slots=True)
class ReceiveReport:
    """A new incident: triage it by the rules and offer it, or leave it in triage with the reason."""

    incidents: Incidents
    rules: Rules
    report: IncidentReported
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.report.incident), Ref(EARLY, self.report.incident)]

    def decide(self, work: Work) -> None:
        if self.incidents.get(work, self.report.incident) is not None:
            return
        report, rules = self.report, self.rules
        category = rules.category(report.category.model_dump(), report.condition)
        if category is None:
            raise LookupError(f"no category {report.category} with condition {report.condition} in the reference data")
        incident = _received(report, category, rules.version)
        found = found_by(incident, rules, report.received_at)
        if SELF_FIXED in report.flags:
            found = "self_fixed: the rider put it right himself, somebody looks at his photos"
        hours = rules.hours(report.subdistrict)
        routed, happened = routing.route(incident, found, category.limit, hours, work.now)
        save(work, self.incidents, routed, category, happened, replace(self.context, actor=routing.SYSTEM))
        replay(work, self.incidents, self.rules, incident.id)


def _received(report: IncidentReported, category: CategoryRule, reference_version: str) -> Incident:
    """The incident as reported; of somebody who was forgotten since, without his words."""
    spoken = not is_pseudonym(report.rider)
    times = report.captured_at, report.received_at
    reporter = Reporter(report.rider, report.report, *times, entered_by=report.entered_by)
    return Incident(
        id=report.incident,
        subdistrict=report.subdistrict,
        code=report.code,
        category=report.category.model_dump(),
        condition=report.condition,
        priority=category.priority,
        place=report.place.model_dump(),
        text=report.text if spoken else "",
        interim_measures=report.interim_measures if spoken else None,
        photo_ids=report.photo_ids,
        photo_required=category.after_photo_required,
        reporters=(reporter,),
        state=State.REPORTED,
        cycle=1,
        t0=report.received_at,
        history=(Line(report.received_at, f"rider:{report.rider}", "reported"),),
        flags=report.flags,
        reference_version=reference_version,
        after_photo_ids=report.after_photo_ids,
        answers={answer.question: answer.choice for answer in report.answers},
    )


@dataclass(frozen=True, slots=True)
class ReceiveUpdate:
    """A department's message. `department` is the topic's; payload and source prove nothing."""

    incidents: Incidents
    rules: Rules
    receipts: Receipts
    department: str
    update: DepartmentUpdate
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(routing.incident_of(self.update.order)), Ref(UNKNOWN_ORDERS, self._unknown_id())]

    def decide(self, work: Work) -> None:
        try:
            self.carry_out(work)
        except UpdateRefused as refusal:
            self._refuse(work, refusal)

    def carry_out(self, work: Work) -> tuple[Incident, Order]:
        """The incident and its order after the update, stored with its events. Raises `UpdateRefused`; then nothing is."""
        incident, order = self._found(work)
        if incident is None or order is None:
            raise UpdateRefused("unknown_order", f"{self.department} has no order {self.update.order}")
        _, terms = terms_of(self.rules, incident)
        changed, happened = updates.apply(incident, self._read(incident, order), work.now, terms)
        self._save(work, changed, happened)
        return changed, changed.order(order.id) or order

    def _found(self, work: Work) -> tuple[Incident | None, Order | None]:
        """The incident, and its order if that is this department's."""
        incident = self.incidents.get(work, routing.incident_of(self.update.order))
        order = incident.order(self.update.order) if incident else None
        return incident, order if order and order.department == self.department else None

    def _refuse(self, work: Work, refusal: UpdateRefused) -> None:
        incident, order = self._found(work)
        if incident is None or order is None:
            self._refuse_unknown(work)
            return
        told = Told("refused", order.id, self.update.update_id, reason=str(refusal), reason_code=refusal.code)
        self._save(work, *number(incident, [told]))

    def _save(self, work: Work, incident: Incident, happened: list[Happened]) -> None:
        category, _ = terms_of(self.rules, incident)
        save(work, self.incidents, incident, category, happened, replace(self.context, actor=self._actor()))

    def _read(self, incident: Incident, order: Order) -> Update:
        update = self.update
        found = [self.receipts.verify(token) for token in update.receipts]
        proofs = [Proof(one.photo, one.taken_at, one.place) for one in found if one and one.uploader == self._actor()]
        return Update(
            id=update.update_id,
            department=self.department,
            order=update.order,
            seen_seq=update.seen_seq,
            kind=update.kind,
            at=update.at,
            reason=update.progress if update.kind == "progress" else update.reason,
            suggested_department=update.suggested_department,
            extension_until=update.extension_until,
            temporary_safe=update.temporary_safe,
            evidence=tuple(proof.photo for proof in proofs),
            mismatch=mismatch(incident, order, proofs),
        )

    def _actor(self) -> str:
        return f"department:{self.department}"

    def _unknown_id(self) -> str:
        return f"{self.department}|{self.update.order}"

    def _refuse_unknown(self, work: Work) -> None:
        """Told to whoever asked, in words that do not say whether the order exists elsewhere."""
        id_ = self._unknown_id()
        before = work.get(UNKNOWN_ORDERS, id_)
        seq = (before["seq"] if before else 0) + 1
        reason = f"{self.department} has no order {self.update.order}"
        data = events.refused_unknown(self.update.subdistrict, self.update.order, seq, self.update.update_id, reason)
        event = Outgoing(SERVICE, dispatch_topic(self.department).name, data, work.now, self.context)
        work.put(UNKNOWN_ORDERS, {"_id": id_, "seq": seq}, event)


@dataclass(frozen=True, slots=True)
class AssignDepartments:
    """Staff send an incident to departments of their choice: from triage, or further ones while others work on it."""

    incidents: Incidents
    rules: Rules
    incident: str
    scope: Scope
    expected_version: int
    departments: tuple[str, ...]
    reason: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.incident)]

    def decide(self, work: Work) -> tuple[Incident, int]:
        """Returns the incident and its new version. Raises `NotFound`, `Conflict` or `Invalid`."""
        incident = self.incidents.get(work, self.incident)
        if incident is None or not self.scope.sees(incident.subdistrict, incident.community):
            raise NotFound("there is no such incident for you")
        if saw(incident, self.scope.id):
            raise Forbidden("you have reported it yourself: somebody else decides")
        version = self.incidents.version(work, self.incident)
        if version != self.expected_version:
            raise Conflict(f"expected_version: the incident is at version {version}, you saw {self.expected_version}")
        unknown = [code for code in self.departments if not self.rules.is_department(code)]
        if unknown:
            raise Invalid.field("departments", f"there is no department {', '.join(unknown)}")
        if len(set(self.departments)) < len(self.departments):
            raise Invalid.field("departments", "the same department twice")
        category, terms = terms_of(self.rules, incident)
        route = Route(self.departments, f"staff: {self.reason}", self.rules.version)
        try:
            offered, happened = assigning.assign(incident, route, self.context.actor, work.now, terms)
        except NotAllowed as error:
            raise Conflict(str(error)) from None
        return offered, save(work, self.incidents, offered, category, happened, self.context)
