"""What is sent: one observation of one rider, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ops.simulate.behaviours import Behaviour, Crew, Way, behaviour
from ops.simulate.pictures import Picture
from ops.simulate.prizes import Handout
from ops.simulate.world import Spot, Subject


@dataclass(frozen=True, slots=True)
class Fix:
    """What the phone says of its place, in the system that it works in."""

    lng: float
    lat: float
    crs: str
    accuracy_m: float


@dataclass(frozen=True, slots=True)
class Send:
    """`at`: from midnight. `captured_before`: how much earlier it was taken. `spot` is where it really is.

    `first`: the number of the send whose object a second rider has found. `departments` get an order each.
    """

    number: int
    at: timedelta
    captured_before: timedelta
    rider: int
    way: Way
    subject: Subject
    spot: Spot
    fix: Fix
    pictures: tuple[Picture, ...]
    departments: tuple[str, ...]
    crew: Crew
    first: int | None = None

    @property
    def behaviour(self) -> Behaviour:
        return behaviour(self.way)

    @property
    def joins(self) -> bool:
        """Whether the second rider is shown what the first has reported: phones show public categories only."""
        return self.first is not None and self.subject.category.public

    @property
    def earns(self) -> bool:
        """Whether its rider is paid as the first to report this."""
        return self.refused is None and self.subject.pays and not self.joins

    @property
    def refused(self) -> str | None:
        return self.behaviour.refused


@dataclass(frozen=True, slots=True)
class Plan:
    """A day: everything that is sent, in order of time, and what is handed out at its end, None where nothing can be."""

    riders: int
    sends: tuple[Send, ...]
    handout: Handout | None = None

    @property
    def kept(self) -> tuple[Send, ...]:
        """Those that become reports."""
        return tuple(send for send in self.sends if send.refused is None)

    @property
    def joined(self) -> Mapping[int, Send]:
        """Who joins, by the number of the first."""
        return {send.first: send for send in self.kept if send.first is not None and send.joins}
