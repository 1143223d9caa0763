"""A campaign: rounds of visits with a checklist, in some grids, between two dates. Plain rules; who may is the scope's."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.scope import Scope

State = Literal["open", "closed"]
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `answers`: the words it may be answered with."""

    code: str
    zh: str
    en: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What staff decide about a campaign. `grids`: codes of any level, with everything below them."""

    title_zh: str
    title_en: str
    activity: str
    items: tuple[Item, ...]
    grids: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Campaign:
    """`fingerprint` tells a repeated request from another one under its key. `communities`: see `communities_of`."""

    id: str
    subdistrict: str
    fingerprint: str
    plan: Plan
    communities: tuple[str, ...]
    opened_at: datetime
    state: State = "open"
    closed_at: datetime | None = None


def communities_of(grids: Iterable[str]) -> tuple[str, ...]:
    """Whose grids these are; none where one of them is the sub-district's own, which is every community's."""
    found = dict.fromkeys(community_of(grid) for grid in grids)
    return () if None in found else tuple(sorted(code for code in found if code is not None))


def community_of(grid: str) -> str | None:
    """A functional micro-grid of the whole sub-district has zeros where the community would stand."""
    return grid[:12] if len(grid) >= 12 and grid[9:12] != "000" else None


def check(plan: Plan) -> None:
    """Raises `Invalid` naming every field that does not fit the others."""
    codes = [item.code for item in plan.items]
    twice = [index for index, code in enumerate(codes) if code in codes[:index]]
    errors = [FieldError(f"items.{index}.code", f"{codes[index]} stands there twice") for index in twice]
    if len(set(plan.grids)) < len(plan.grids):
        errors.append(FieldError("grids", "the same grid twice"))
    if plan.ends_at <= plan.starts_at:
        errors.append(FieldError("ends_at", "is not after starts_at"))
    elif plan.ends_at - plan.starts_at > LONGEST:
        errors.append(FieldError("ends_at", "is more than a year after starts_at"))
    if errors:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in errors), *errors)


def may_run(scope: Scope, grids: Iterable[str]) -> None:
    """Raises `Forbidden` where a grid is not the caller's to decide about."""
    for grid in grids:
        community = community_of(grid)
        mine = not scope.communities or community in scope.communities
        if not (mine and grid.startswith(scope.subdistrict)):
            raise Forbidden(f"grids: {grid} lies in no community of yours")


def sees(scope: Scope, campaign: Campaign) -> bool:
    """Whether it concerns this desk."""
    if not scope.desk or campaign.subdistrict != scope.subdistrict:
        return False
    return not scope.communities or not campaign.communities or bool({*campaign.communities} & {*scope.communities})


def change(campaign: Campaign, plan: Plan) -> Campaign:
    """The campaign with another plan. Raises `Conflict` if it is over."""
    _still_open(campaign)
    return replace(campaign, plan=plan, communities=communities_of(plan.grids))


def close(campaign: Campaign, at: datetime) -> Campaign:
    """No visit counts for it any more. Raises `Conflict` if it is over already."""
    _still_open(campaign)
    return replace(campaign, state="closed", closed_at=at)


def _still_open(campaign: Campaign) -> None:
    if campaign.state == "closed":
        raise Conflict("the campaign is closed; make a new one")
