"""Homes and prizes of the reference data, in the words of points."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from services.points.domain.shelf import Home, Prize, Words
from shared.errors import Invalid, NotFound
from shared.reference import homes as reference_homes
from shared.reference import prizes as reference_prizes
from shared.reference.files import Named
from shared.reference.reference import Reference

_SUBDISTRICT = 9
"""Digits of a grid code that name the sub-district."""


class ReferenceShelf:
    """See `Shelf`."""

    def __init__(self, reference: Reference) -> None:
        self.version = reference.version
        self.rule_version = reference.points.version
        self._homes = {code: _home(home) for code, home in sorted(reference.homes.items())}
        prizes = sorted((_prize(prize) for prize in reference.prizes.values()), key=lambda p: (p.points, p.code))
        self._prizes: Mapping[str, Mapping[str, Prize]] = {
            home: {prize.code: prize for prize in prizes if home in prize.stock} for home in self._homes
        }
        self._prize_names = {prize.code: prize.name for prize in prizes}
        self._zones = {code: ZoneInfo(place.zone) for code, place in reference.subdistricts.items()}

    def homes(self, subdistrict: str) -> Sequence[Home]:
        return [home for home in self._homes.values() if home.subdistrict == subdistrict]

    def home(self, subdistrict: str, code: str) -> Home:
        home = self._homes.get(code)
        if home is None or home.subdistrict != subdistrict:
            raise NotFound("there is no such home for you")
        return home

    def prizes(self, home: str) -> Sequence[Prize]:
        return list(self._prizes.get(home, {}).values())

    def prize(self, home: str, code: str) -> Prize:
        prize = self._prizes.get(home, {}).get(code)
        if prize is None:
            raise Invalid.field("prize", "this home has no such prize")
        return prize

    def home_name(self, code: str) -> Words:
        home = self._homes.get(code)
        return home.name if home else Words(code, code)

    def prize_name(self, code: str) -> Words:
        return self._prize_names.get(code) or Words(code, code)

    def zone(self, subdistrict: str) -> ZoneInfo:
        return self._zones[subdistrict]


def _home(home: reference_homes.Home) -> Home:
    return Home(
        code=home.code,
        subdistrict=home.community[:_SUBDISTRICT],
        community=home.community,
        name=_words(home),
        lng=home.place.lng,
        lat=home.place.lat,
        hours=home.hours,
        haves=home.haves,
        basics=home.basics,
        missing=home.missing,
        individual={service.code: _words(service) for service in home.individual},
        sponsors=tuple(_words(sponsor) for sponsor in home.sponsors),
        budget=home.budget,
        budget_period=home.budget_period,
    )


def _prize(prize: reference_prizes.Prize) -> Prize:
    return Prize(
        prize.code, _words(prize), prize.points, prize.picture, prize.limit_month, prize.low, dict(prize.stock)
    )


def _words(named: Named) -> Words:
    return Words(named.zh, named.en)
