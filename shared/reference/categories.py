"""What can be reported: categories with their scheme, and a time limit for each (category, condition)."""

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from pydantic import Field, PositiveInt

from shared.reference.files import Fault, Named, Strict

Unit = Literal["uh", "ud", "wh", "wd"]
"""Urgent hours and days run day and night; working hours and days only in working time."""

Priority = Literal["E", "U", "N", "L"]
"""E life-safety (always wall clock), U other urgent units, N working hours or days, L over seven working days."""

Activity = Literal["meeting", "training", "home_visit", "help", "hazard", "hardship", "volunteer"]
ACTIVITIES: tuple[Activity, ...] = get_args(Activity)

COMMUNITY = "@community"
"""Stands for the inbox of the community that the place lies in."""

CategoryKey = tuple[str, str]
"""(scheme, code): codes of different generations of the standard clash, so neither half is enough."""


class Limit(Strict):
    """An amount of time in one of the four units; dispatch turns it into a moment."""

    value: PositiveInt
    unit: Unit


class Condition(Named):
    """What is wrong with the thing. `limit` until it is fixed or, for E, safe; `repair` after it was made safe.

    Without `repair` a condition has no temporary safety. `closes`: when the standard counts it as fixed, in its words.
    """

    code: str = Field(pattern="^[a-z][a-z0-9_]{1,30}$")
    priority: Priority = Field(alias="class")
    limit: Limit
    repair: Limit | None = None
    closes: str | None = None


class Choice(Named):
    code: str = Field(pattern="^[a-z][a-z0-9_]{1,30}$")


class Question(Named):
    """Something that the reporter may be asked about this kind of thing; he picks one choice, or none."""

    code: str = Field(pattern="^[a-z][a-z0-9_]{1,30}$")
    choices: tuple[Choice, ...] = Field(min_length=2, max_length=10)


class Category(Named):
    """A kind of thing to report.

    `tile`: the button on the phone it hides behind. `marks`: letters on the object that tell it from its neighbours.
    `acts`: who gets an order when no rule says otherwise, department codes or `@community`. `alternates`: who else may
    act, for staff to choose from. `supervises`: who watches over them. `radius_m`: how near an open incident must be to
    be offered as the same. `pays`: the passbook activity. `public`: may be shown outside, with its place rounded.
    """

    scheme: str
    code: str = Field(pattern="^([PE][0-9]{4}|L[0-9]{2})$")
    tile: str
    photo_required: bool = True
    after_photo_required: bool = True
    public: bool = False
    # Under 5 m no two fixes agree and duplicates are never offered; the search itself is capped at 100 m.
    radius_m: float = Field(default=50, ge=5, le=100)
    pays: Activity | None = None
    acts: tuple[str, ...] = Field(min_length=1)
    alternates: tuple[str, ...] = ()
    supervises: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = Field(min_length=1)
    questions: tuple[Question, ...] = Field(default=(), max_length=10)

    @property
    def key(self) -> CategoryKey:
        return self.scheme, self.code

    def condition(self, code: str | None) -> Condition | None:
        """The condition of that code, None if there is none such; without a code the first, the most urgent one."""
        if code is None:
            return self.conditions[0]
        return next((condition for condition in self.conditions if condition.code == code), None)

    @property
    def choices(self) -> Mapping[str, frozenset[str]]:
        """The choices of each question, by code."""
        return {question.code: frozenset(choice.code for choice in question.choices) for question in self.questions}


class Scheme(Named):
    """Where codes come from; what is not `exported` never counts in figures for higher levels."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")
    exported: bool


class Tile(Named):
    code: str = Field(pattern="^[a-z][a-z0-9-]{1,30}$")


class CategoriesFile(Strict):
    schemes: tuple[Scheme, ...] = Field(min_length=1)
    tiles: tuple[Tile, ...] = Field(min_length=1)
    categories: tuple[Category, ...] = Field(min_length=1)


_URGENCY: Mapping[Priority, int] = {"E": 0, "U": 1, "N": 2, "L": 3}


def check(name: str, file: CategoriesFile, departments: frozenset[str] | None, faults: list[Fault]) -> None:
    """Codes are unique and known, limits fit their class. `departments` is None if that file could not be read."""
    schemes = {scheme.code for scheme in file.schemes}
    tiles = {tile.code for tile in file.tiles}
    seen: set[CategoryKey] = set()
    for category in file.categories:
        where = f"categories ({category.scheme}:{category.code})"
        reasons = [*_condition_faults(category), *_question_faults(category)]
        if category.key in seen:
            reasons.append(("code", "scheme and code twice"))
        if category.scheme not in schemes:
            reasons.append(("scheme", f"unknown scheme {category.scheme!r}"))
        if category.tile not in tiles:
            reasons.append(("tile", f"unknown tile {category.tile!r}"))
        if departments is not None:
            reasons += list(_strangers(category, departments))
        faults += [Fault(name, f"{where}.{part}", reason) for part, reason in reasons]
        seen.add(category.key)


def _strangers(category: Category, departments: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Departments that nobody knows; each with the setting that names it."""
    for part in ("acts", "alternates", "supervises"):
        for code in getattr(category, part):
            if code not in departments and (code != COMMUNITY or part == "supervises"):
                yield part, f"unknown department {code!r}"


def _condition_faults(category: Category) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    codes = [condition.code for condition in category.conditions]
    ranks = [_URGENCY[condition.priority] for condition in category.conditions]
    if len(set(codes)) < len(codes):
        found.append(("conditions", "a condition code twice"))
    if ranks[0] != min(ranks):
        found.append(
            ("conditions", "the first condition is assumed when none is told, so it must be of the most urgent class")
        )
    for condition in category.conditions:
        reason = _limit_fault(condition)
        if reason:
            found.append((f"conditions ({condition.code}).limit", reason))
    return found


def _question_faults(category: Category) -> Iterator[tuple[str, str]]:
    codes = [question.code for question in category.questions]
    if len(set(codes)) < len(codes):
        yield "questions", "a question code twice"
    for question in category.questions:
        choices = [choice.code for choice in question.choices]
        if len(set(choices)) < len(choices):
            yield f"questions ({question.code}).choices", "a choice code twice"


def _limit_fault(condition: Condition) -> str | None:
    """Why the limit does not fit the class, by the definition of the classes."""
    value, unit = condition.limit.value, condition.limit.unit
    fits = {
        "E": unit in ("uh", "wh") and value <= 2,
        "U": unit in ("uh", "ud"),
        "N": unit == "wh" or (unit == "wd" and value <= 7),
        "L": unit == "wd" and value > 7,
    }[condition.priority]
    if not fits:
        return (
            f"{value} {unit} is not class {condition.priority} (E up to 2 h, U uh or ud, N wh or up to 7 wd, L above)"
        )
    if condition.priority == "E" and condition.repair is None:
        return "class E stops its clock at temporary safety, so it needs a repair limit"
    return None
