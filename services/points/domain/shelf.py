"""Homes and prizes as reference data has them."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.points.domain.budget import Period


@dataclass(frozen=True, slots=True)
class Words:
    """A name in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Home:
    """A home of micro-grid officers. `lng`, `lat`: WGS-84; `budget`: points a period; `missing`: which of the six haves
    and the seven services it does not have; `individual`: the X, by code."""

    code: str
    subdistrict: str
    community: str
    name: Words
    lng: float
    lat: float
    hours: str
    haves: tuple[str, ...]
    basics: tuple[str, ...]
    missing: tuple[str, ...]
    individual: Mapping[str, Words]
    sponsors: tuple[Words, ...]
    budget: int
    budget_period: Period


@dataclass(frozen=True, slots=True)
class Prize:
    """`points`: its price; `stock`: what each home began with; `limit_month`: per rider; `low`: when to supply a home."""

    code: str
    name: Words
    points: int
    picture: str | None
    limit_month: int | None
    low: int
    stock: Mapping[str, int]
