"""Meetings and trainings as clients read them."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from services.points.domain.checkin import Checkin, invited
from services.points.domain.gathering import Gathering
from services.points.domain.member import Member


class CheckinOut(BaseModel):
    """That a rider was there. `how`: code, late (waits for staff while `paid` is null) or desk; `paid` in points."""

    event: str
    rider: str
    how: str
    at: datetime
    paid: int | None


class GatheringOut(BaseModel):
    """A meeting or training as it is. `version` goes into the next change; `mine`: the caller's own check-in."""

    event: str
    version: int
    state: str
    kind: str
    title: str
    place: str
    community: str | None
    opens_at: datetime
    starts_at: datetime
    ends_at: datetime
    invited: tuple[str, ...] = ()
    squads: tuple[str, ...] = ()
    mine: CheckinOut | None = None


class CodeOut(BaseModel):
    """What the screen shows now; ask again at `next_at`. `svg` is the same as a picture to scan."""

    token: str
    next_at: datetime
    good_until: datetime
    svg: str


class SeatOut(BaseModel):
    """One line of the roster. `expected`: invited by name or squad; without a roster everybody is."""

    rider: str
    expected: bool
    there: CheckinOut | None


class RosterOut(BaseModel):
    """Who is expected and who was there, by id; names are intake's (`GET /v1/people`)."""

    event: str
    seats: list[SeatOut]


class TickedOut(BaseModel):
    """What became of one line that was ticked."""

    checkin: CheckinOut
    already: bool = Field(description="he had been counted before, nothing was paid again")


def checkin_out(there: Checkin) -> CheckinOut:
    """As its rider and the desk see it."""
    return CheckinOut(event=there.gathering, rider=there.rider, how=there.how, at=there.at, paid=there.paid)


def gathering_out(gathering: Gathering, version: int) -> GatheringOut:
    """As a desk sees it, with everybody who is invited."""
    names = ("kind", "title", "place", "community", "opens_at", "starts_at", "ends_at", "invited", "squads")
    fields = {name: getattr(gathering.agenda, name) for name in names}
    return GatheringOut(event=gathering.id, version=version, state=gathering.state, **fields)


def coming_out(gathering: Gathering, version: int, mine: Checkin | None) -> GatheringOut:
    """As a rider sees it: who else is invited is none of his business."""
    whole = gathering_out(gathering, version)
    return whole.model_copy(update={"invited": (), "squads": (), "mine": None if mine is None else checkin_out(mine)})


def roster_out(gathering: Gathering, members: Iterable[Member], there: Iterable[Checkin]) -> RosterOut:
    """The invited first, then who came besides."""
    came = {one.rider: one for one in there}
    known = {member.id: member for member in members}
    riders = dict.fromkeys([*gathering.agenda.invited, *known, *came])
    seats = [
        SeatOut(
            rider=rider,
            expected=invited(gathering, rider, known.get(rider)),
            there=checkin_out(came[rider]) if rider in came else None,
        )
        for rider in riders
    ]
    return RosterOut(event=gathering.id, seats=seats)
