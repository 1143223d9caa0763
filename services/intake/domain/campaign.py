"""A campaign as points announced it, and whether a visit belongs to it."""

from dataclasses import dataclass
from datetime import datetime

from shared.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True)
class Item:
    """One question of the checklist and the words it may be answered with."""

    code: str
    zh: str
    en: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Campaign:
    """A projection. `announced` is the version that points gave it; `closed_at` is when it was closed there, None while it
    is open."""

    id: str
    announced: int
    subdistrict: str
    activity: str
    title_zh: str
    title_en: str
    items: tuple[Item, ...]
    grids: tuple[str, ...]
    communities: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime | None = None


def newer(known: Campaign | None, told: Campaign) -> Campaign:
    """What holds now; an announcement that comes late changes nothing."""
    return told if known is None or told.announced > known.announced else known


def check_visit(campaign: Campaign, micro_grid: str, answers: dict[str, str], at: datetime) -> None:
    """Raises `Invalid` naming everything about a visit at that moment that the campaign does not provide for."""
    errors = [*_time_errors(campaign, at), *_answer_errors(campaign, answers)]
    if not any(micro_grid.startswith(grid) for grid in campaign.grids):  # a code lies under its parent's
        errors.append(FieldError("micro_grid", "is not part of this campaign"))
    if errors:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in errors), *errors)


def _time_errors(campaign: Campaign, at: datetime) -> list[FieldError]:
    if campaign.closed_at is not None and at >= campaign.closed_at:
        return [FieldError("campaign", "is closed")]
    if at < campaign.starts_at:
        return [FieldError("campaign", f"begins on {campaign.starts_at.isoformat()}")]
    if at >= campaign.ends_at:
        return [FieldError("campaign", f"ended on {campaign.ends_at.isoformat()}")]
    return []


def _answer_errors(campaign: Campaign, answers: dict[str, str]) -> list[FieldError]:
    items = {item.code: item for item in campaign.items}
    found = []
    for code, answer in answers.items():
        if code not in items:
            found.append(FieldError(f"answers.{code}", "is no item of this campaign"))
        elif answer not in items[code].answers:
            found.append(FieldError(f"answers.{code}", f"is none of {', '.join(items[code].answers)}"))
    return found
