"""Draws the sends of a day, one after the other, from one source of chance."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from ops.simulate.behaviours import BEHAVIOURS, CREWS, Crew, Way
from ops.simulate.day import moments
from ops.simulate.pictures import Format, Picture
from ops.simulate.send import Fix, Send
from ops.simulate.world import Spot, Subject, World
from shared.geo import crs

HEIC_SHARE = 0.15
_STORM_TILES = frozenset({"cover", "danger", "pole", "pipe"})
_SYSTEMS = {"gcj02": crs.to_gcj02, "wgs84": crs.checked_point, "bd09": crs.to_bd09}
_SYSTEM_SHARES = (0.7, 0.2, 0.1)
_ELSEWHERE_METRES = 0.004
"""Degrees of latitude, some 440 m: further than a photo may lie from its report."""

_AFTER_FIRST = timedelta(minutes=10)
_BURST = (3, 5)
_COMMUNITY_DIGITS = 12


class CannotPlan(ValueError):
    """So many riders or reports make no day; the text says why."""


class Maker:
    """Draws sends one after the other from one source of chance."""

    def __init__(self, chance: random.Random, world: World, riders: int) -> None:
        self._chance = chance
        self._world = world
        self._riders = riders
        self._spots = world.spots()
        self._subjects = [subject for subject in world.subjects() if self._possible(subject)]
        self._number = 0
        if not self._subjects:
            raise CannotPlan("the reference data have nothing that the departments in play would mend")

    def reports(self, count: int, *, storm: bool) -> Iterator[Send]:
        """The ones that are kept, each way in its exact share."""
        plain: list[Send] = []
        burst: list[Send] = []
        for (at, stormy), way in zip(moments(self._chance, count, storm=storm), self._ways(count), strict=True):
            send = self._send(at, way, stormy=stormy)
            if way is Way.SECOND:
                send = self._second(send, plain)
            if send.way is Way.PLAIN:
                plain.append(send)
            if send.way is Way.OFFLINE:
                burst.append(send)
                continue
            yield send
        yield from self._together(burst)

    def refused(self, reports: int) -> Iterator[Send]:
        """The ones that leave nothing, at any time of the day."""
        for row in BEHAVIOURS:
            for _ in range(max(1, round(row.share * reports)) if row.refused else 0):
                at, _stormy = moments(self._chance, 1, storm=False)[0]
                yield self._send(at, row.way, stormy=False)

    def _ways(self, count: int) -> list[Way]:
        ways = [row.way for row in BEHAVIOURS if not row.refused for _ in range(round(row.share * count))]
        ways = [*ways[:count], *[Way.PLAIN] * (count - len(ways))]
        self._chance.shuffle(ways)
        return ways

    def _send(self, at: timedelta, way: Way, *, stormy: bool) -> Send:
        self._number += 1
        spot, subject = self._thing(stormy=stormy)
        departments = self._world.departments(subject, spot)
        crew = self._chance.choices([crew for crew, _ in CREWS], [share for _, share in CREWS])[0]
        return Send(
            number=self._number,
            at=at,
            captured_before=timedelta(0),
            rider=self._chance.randrange(self._riders),
            way=way,
            subject=subject,
            spot=spot,
            fix=self._fix(spot, way),
            pictures=self._pictures(spot, way, self._number),
            departments=departments,
            crew=crew if len(departments) == 1 else Crew.PROMPT,
        )

    def _thing(self, *, stormy: bool) -> tuple[Spot, Subject]:
        """A place, and something there that somebody in play would mend."""
        found = [subject for subject in self._subjects if not stormy or subject.category.tile in _STORM_TILES]
        subject, spot = self._chance.choice(found or self._subjects), self._chance.choice(self._spots)
        if self._world.departments(subject, spot):
            return spot, subject
        return self._thing(stormy=stormy)

    def _possible(self, subject: Subject) -> bool:
        """Asked in one place of each community: everywhere would take seconds."""
        places = {spot.micro_grid[:_COMMUNITY_DIGITS]: spot for spot in self._spots}
        return any(self._world.departments(subject, spot) for spot in places.values())

    def _second(self, send: Send, before: list[Send]) -> Send:
        """The same thing as an earlier plain report's, by another rider a little later; plain if there is none yet."""
        if not before:
            return replace(send, way=Way.PLAIN)
        # one second rider each: of more, the reference data may pay only some
        first = before.pop(self._chance.randrange(len(before)))
        rider = (first.rider + 1 + self._chance.randrange(self._riders - 1)) % self._riders
        at = max(send.at, first.at + _AFTER_FIRST)
        return replace(
            send,
            at=at,
            rider=rider,
            subject=first.subject,
            spot=first.spot,
            fix=first.fix,
            pictures=self._pictures(first.spot, Way.SECOND, send.number),
            departments=first.departments,
            crew=send.crew if len(first.departments) == 1 else Crew.PROMPT,
            first=first.number,
        )

    def _together(self, found: list[Send]) -> Iterator[Send]:
        """Bursts of one rider, taken one after the other and all sent when the last one's network is back."""
        left = list(found)
        while left:
            size = self._chance.randint(*_BURST)
            burst, left = left[:size], left[size:]
            rider, back = burst[0].rider, burst[-1].at
            for send in burst:
                yield replace(send, rider=rider, at=back, captured_before=back - send.at)

    def _fix(self, spot: Spot, way: Way) -> Fix:
        system = self._chance.choices(list(_SYSTEMS), _SYSTEM_SHARES)[0]
        accuracy = 180.0 if way is Way.INACCURATE else float(self._chance.randint(4, 40))
        if way is Way.OUTSIDE:
            return Fix(round(spot.lng + 1.0, 6), spot.lat, "wgs84", accuracy)
        lng, lat = _SYSTEMS[system](spot.lng, spot.lat)
        return Fix(round(lng, 7), round(lat, 7), system, accuracy)

    def _pictures(self, spot: Spot, way: Way, number: int) -> tuple[Picture, ...]:
        formats: dict[Way, Format] = {Way.NOT_A_PICTURE: "text", Way.DAMAGED_PICTURE: "damaged"}
        usual: Format = "heic" if self._chance.random() < HEIC_SHARE else "jpeg"
        gps = None
        if self._chance.random() < 0.5 or way is Way.WANDERING:
            gps = (spot.lng, spot.lat + (_ELSEWHERE_METRES if way is Way.WANDERING else 0.0))
        if way is Way.OUTSIDE:
            gps = None
        many = 2 if self._chance.random() < 0.2 and way not in formats else 1
        return tuple(Picture(number * 10 + index, formats.get(way, usual), gps) for index in range(many))
