"""A department without Kafka: the same update by the same rules, but a refusal is the answer and nothing is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from services.dispatch.domain import appealing
from services.dispatch.domain.incident import Incident, NotAllowed, Order
from services.dispatch.domain.routing import incident_of
from services.dispatch.domain.updates import UpdateRefused, check_seen
from services.dispatch.handlers import ReceiveUpdate
from services.dispatch.ports import Incidents, Receipts, Rules
from services.dispatch.saving import save, terms_of
from shared.context import Context
from shared.contracts.department_update import DepartmentUpdate
from shared.errors import Conflict, FieldError, Invalid, NotFound, Refused
from shared.mongo.work import Ref, Work
from shared.scope import Scope

Kind = Literal["accepted", "returned", "progress", "done", "extension_asked"]

_FIELDS = {"evidence_missing": "receipts", "reason_missing": "reason", "stale": "seen_seq"}
"""Which field a `reason_code` speaks of."""

_CONFLICTS = frozenset({"stale", "not_allowed"})


@dataclass(frozen=True, slots=True)
class ActOnOrder:
    """`fields` are those of a `DepartmentUpdate` that say what was done; `scope` is the caller's, with his department."""

    incidents: Incidents
    rules: Rules
    receipts: Receipts
    scope: Scope
    order: str
    update_id: str
    kind: Kind
    fields: dict[str, Any]
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(self.order.rpartition(".")[0])]

    def decide(self, work: Work) -> tuple[Incident, Order]:
        """The incident and its order afterwards. Raises `NotFound`, `Conflict` or `Invalid`, their code a `reason_code`."""
        incident = self.incidents.get(work, self.order.rpartition(".")[0])
        if incident is None or incident.subdistrict != self.scope.subdistrict or self.scope.department is None:
            raise NotFound("there is no such order for you", code="unknown_order")
        given = {**self.fields, "at": self.fields.get("at") or work.now}
        update = DepartmentUpdate.model_validate(
            {
                **given,
                "subdistrict": incident.subdistrict,
                "update_id": self.update_id,
                "order": self.order,
                "kind": self.kind,
            }
        )
        command = ReceiveUpdate(self.incidents, self.rules, self.receipts, self.scope.department, update, self.context)
        try:
            return command.carry_out(work)
        except UpdateRefused as refusal:
            raise refused(refusal) from None


@dataclass(frozen=True, slots=True)
class AppealDeadline:
    """The department says why a deadline should not count; `scope` is the caller's, with his department."""

    incidents: Incidents
    rules: Rules
    scope: Scope
    order: str
    seen_seq: int
    reason: str
    context: Context

    def reads(self) -> Iterable[Ref]:
        return [self.incidents.ref(incident_of(self.order))]

    def decide(self, work: Work) -> tuple[Incident, Order]:
        """The incident and its order afterwards. Raises `NotFound` or `Conflict`, their code a `reason_code`."""
        incident, order = self._found(work)
        try:
            check_seen(order, self.seen_seq)
            appealed, happened = appealing.appeal(incident, order, work.now, self.reason)
        except UpdateRefused as refusal:
            raise refused(refusal) from None
        except NotAllowed as error:
            raise refused(UpdateRefused("not_allowed", str(error))) from None
        category, _ = terms_of(self.rules, appealed)
        save(work, self.incidents, appealed, category, happened, self.context)
        return appealed, appealed.order(order.id) or order

    def _found(self, work: Work) -> tuple[Incident, Order]:
        incident = self.incidents.get(work, incident_of(self.order))
        order = incident.order(self.order) if incident else None
        if incident is None or order is None or incident.subdistrict != self.scope.subdistrict:
            raise NotFound("there is no such order for you", code="unknown_order")
        if order.department != self.scope.department:
            raise NotFound("there is no such order for you", code="unknown_order")
        return incident, order


def refused(refusal: UpdateRefused) -> Refused:
    """The HTTP answer for what the topic would call `refused`: 404, 409 or 422 with the same `reason_code`."""
    if refusal.code == "unknown_order":
        return NotFound("there is no such order for you", code="unknown_order")
    field = _FIELDS.get(refusal.code)
    errors = [FieldError(field, str(refusal))] if field else []
    kind = Conflict if refusal.code in _CONFLICTS else Invalid
    return kind(str(refusal), *errors, code=refusal.code)
