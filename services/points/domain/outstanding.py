"""Something outstanding: proposed by one person of the desk, decided by another."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.errors import Conflict, Forbidden, NotFound


class State(StrEnum):
    """Where a proposal is."""

    PROPOSED = "proposed"
    AWARDED = "awarded"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Proposal:
    """That `rider` did something outstanding in an incident. `by` and `decided_by` are `kind:id`."""

    rider: str
    by: str
    at: datetime
    state: State = State.PROPOSED
    decided_by: str | None = None


Proposals = tuple[Proposal, ...]


def propose(proposals: Proposals, rider: str, by: str, at: datetime) -> Proposals:
    """One more. Raises `Conflict` if there is one for him that waits or was awarded."""
    if any(one.rider == rider and one.state is not State.DECLINED for one in proposals):
        raise Conflict("rider: was proposed already")
    return (*(one for one in proposals if one.rider != rider), Proposal(rider, by, at))


def decide(proposals: Proposals, rider: str, by: str, *, award: bool) -> Proposals:
    """The proposal for him, decided. Raises `NotFound`, `Conflict` if it was decided, `Forbidden` for who proposed it."""
    found = next((one for one in proposals if one.rider == rider), None)
    if found is None:
        raise NotFound("nobody has proposed this rider here")
    if found.state is not State.PROPOSED:
        raise Conflict("this was decided already")
    if found.by == by:
        raise Forbidden("you have proposed it yourself; a second person must decide")
    decided = replace(found, state=State.AWARDED if award else State.DECLINED, decided_by=by)
    return tuple(decided if one is found else one for one in proposals)
