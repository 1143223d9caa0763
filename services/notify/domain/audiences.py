"""Whose inboxes a caller may look into. Staff accounts are kept apart from departments and communities of any name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.notify.domain.case import department_audience, rider_audience
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class Reach:
    """The caller's `account`, its `own` inbox, and `all` that it may look into."""

    account: str
    own: str
    all: frozenset[str]


def reach_of(scope: Scope, communities: Iterable[str], groups: Mapping[str, str | None] | None = None) -> Reach:
    """One's own inbox; for a department's people the department's; for a desk those of its communities and of the groups there,
    and if it sees to all, the sub-district's.

    `communities`: those of the sub-district, `groups`: its groups with the community of each. A code in a token that is none of
    them opens nothing.
    """
    kind, _, id_ = scope.actor.partition(":")
    own = rider_audience(id_) if kind == "rider" else f"account:{scope.id}"
    if not scope.desk:
        return Reach(scope.id, own, frozenset({own, *_department(scope)}))
    seen = {f"community:{code}" for code in communities if not scope.communities or code in scope.communities}
    whole = set() if scope.communities else {f"subdistrict:{scope.subdistrict}"}
    read = {f"group:{code}" for code, where in (groups or {}).items() if whole or f"community:{where}" in seen}
    return Reach(scope.id, own, frozenset({own, *seen, *whole, *read}))


def _department(scope: Scope) -> list[str]:
    return [department_audience(scope.subdistrict, scope.department)] if scope.department else []
