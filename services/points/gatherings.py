"""Gatherings as commands: made once per client key, changed by whoever has seen the last version, called off."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.points.domain.gathering import Agenda, Gathering, cancel, change, check, may_hold
from services.points.ports import Versioned
from shared.errors import Conflict, NotFound, Refused
from shared.mongo.work import Ref, Work
from shared.scope import Scope

NONE = "there is no such meeting or training for you"

Changes = Callable[[Gathering], Gathering]
"""What is decided about a gathering. Raises `Conflict`."""


class KeyReused(Refused):
    """The client key is taken by a gathering with another content."""

    code = "client-key-reused"


@dataclass(frozen=True, slots=True)
class HoldGathering:
    """Announce one; the same wish again is answered with what was made. Answers it with its version.

    `secret` is random, of at least 32 bytes in hex. Raises `Invalid`, `Forbidden`, `KeyReused`.
    """

    gatherings: Versioned[Gathering]
    id: str
    fingerprint: str
    agenda: Agenda
    secret: str
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        return [self.gatherings.ref(self.id)]

    def decide(self, work: Work) -> tuple[Gathering, int]:
        before = self.gatherings.get(work, self.id)
        if before is not None:
            if before.fingerprint != self.fingerprint:
                raise KeyReused("client_key: was used before for a gathering with another content")
            return before, self.gatherings.version(work, self.id)
        check(self.agenda)
        may_hold(self.scope, self.scope.subdistrict, self.agenda.community)
        made = Gathering(self.id, self.scope.subdistrict, self.fingerprint, self.secret, self.agenda, work.now)
        return made, self.gatherings.put(work, made)


@dataclass(frozen=True, slots=True)
class DecideGathering:
    """Change one or call it off. Answers it with its new version.

    Raises `NotFound`, `Forbidden`, `Invalid`, or `Conflict` if it was changed since `expected` or is cancelled.
    """

    gatherings: Versioned[Gathering]
    id: str
    expected: int
    changes: Changes
    scope: Scope

    def reads(self) -> Iterable[Ref]:
        return [self.gatherings.ref(self.id)]

    def decide(self, work: Work) -> tuple[Gathering, int]:
        before = find(work, self.gatherings, self.id, self.scope)
        version = self.gatherings.version(work, self.id)
        if version != self.expected:
            raise Conflict(f"expected_version: is {version} by now; look again")
        after = self.changes(before)
        check(after.agenda)
        may_hold(self.scope, after.subdistrict, after.agenda.community)
        return after, self.gatherings.put(work, after)


def find(work: Work, gatherings: Versioned[Gathering], id_: str, scope: Scope) -> Gathering:
    """One that the desk decides about. Raises `NotFound`, or `Forbidden` for one that it only sees."""
    found = gatherings.get(work, id_)
    if found is None or not scope.sees(found.subdistrict, found.agenda.community):
        raise NotFound(NONE)
    may_hold(scope, found.subdistrict, found.agenda.community)
    return found


def to_agenda(agenda: Agenda) -> Changes:
    """Another agenda."""
    return lambda gathering: change(gathering, agenda)


def to_cancelled(gathering: Gathering) -> Gathering:
    """Called off."""
    return cancel(gathering)
