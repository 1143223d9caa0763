"""A department without Kafka: the same update by the same rules, but a refusal is the answer and nothing is stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from services.dispatch.domain.incident import Incident, Order
from services.dispatch.domain.updates import UpdateRefused
from services.dispatch.handlers import ReceiveUpdate
from services.dispatch.ports import Incidents, Receipts, Rules
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


def refused(refusal: UpdateRefused) -> Refused:
    """The HTTP answer for what the topic would call `refused`: 404, 409 or 422 with the same `reason_code`."""
    if refusal.code == "unknown_order":
        return NotFound("there is no such order for you", code="unknown_order")
    field = _FIELDS.get(refusal.code)
    errors = [FieldError(field, str(refusal))] if field else []
    kind = Conflict if refusal.code in _CONFLICTS else Invalid
    return kind(str(refusal), *errors, code=refusal.code)
