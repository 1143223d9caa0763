"""From the rows of a workbook to categories.yaml: what the workbook says is taken over, what it does not say stays."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import yaml

from ops.reference import limits
from ops.reference.workbook import ACTS, CONDITION, LIMIT, MINOR_NAME, SUPERVISES, Row
from shared.reference.categories import COMMUNITY, CategoriesFile, Category, Condition, Scheme, Tile
from shared.reference.departments import DepartmentsFile
from shared.reference.files import Fault

COMMUNITY_WORDS = frozenset({"社区", "所在社区", "社区居委会", "社区居民委员会"})
_SEPARATORS = re.compile(r"[、,，;；/|\s]+")
_URGENCY = "EUNL"

Cell = Callable[[Row], str]


@dataclass(slots=True)
class Import:
    """What is being put together. `file` is the workbook's name, `scheme` the one whose codes it holds."""

    file: str
    scheme: str
    names: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)


def merge(
    file: str, scheme: str, rows: Iterable[Row], before: CategoriesFile | None, departments: DepartmentsFile
) -> tuple[CategoriesFile | None, list[Fault]]:
    """The categories with those of the workbook in them, or every fault. A category that the workbook does not have stays.

    A new one gets the tile of its class, is not public and pays nothing until the office says so; a new text is its own
    English. A known one keeps all that the workbook does not tell, and what is E stays E.
    """
    names = {word: unit.code for unit in departments.departments for word in (unit.zh, *unit.also)}
    work = Import(file, scheme, {**names, **dict.fromkeys(COMMUNITY_WORDS, COMMUNITY)})
    known = {category.key: category for category in before.categories} if before else {}
    by_code: dict[str, list[Row]] = {}
    for row in rows:
        by_code.setdefault(row.code, []).append(row)
    for code, lines in by_code.items():
        made = _category(work, lines, known.get((scheme, code)))
        if made:
            known[made.key] = made
    if work.faults:
        return None, work.faults
    return _file(scheme, before, known.values(), [lines[0] for lines in by_code.values()]), []


def maybe_life_safety(before: CategoriesFile | None, after: CategoriesFile) -> list[str]:
    """New conditions as urgent as class E can be, as `scheme:code.condition`: whether a life is at stake, people must say."""
    known = {
        (category.key, condition.code)
        for category in (before.categories if before else ())
        for condition in category.conditions
    }
    return [
        f"{':'.join(category.key)}.{condition.code} {condition.zh}"
        for category in after.categories
        for condition in category.conditions
        if condition.priority == "U"
        and limits.may_be_life_safety(condition.limit)
        and (category.key, condition.code) not in known
    ]


def _file(
    scheme: str, before: CategoriesFile | None, categories: Iterable[Category], rows: Iterable[Row]
) -> CategoriesFile:
    schemes = {one.code: one for one in before.schemes} if before else {}
    schemes.setdefault(scheme, Scheme(code=scheme, zh=scheme, en=scheme, exported=True))
    tiles = {tile.code: tile for tile in before.tiles} if before else {}
    used = {category.tile for category in categories}
    for row in rows:
        code = _tile(row)
        if code in used:
            tiles.setdefault(code, Tile(code=code, zh=row.major, en=row.major))
    return CategoriesFile(schemes=tuple(schemes.values()), tiles=tuple(tiles.values()), categories=tuple(categories))


def _category(work: Import, rows: list[Row], old: Category | None) -> Category | None:
    first, found = rows[0], len(work.faults)
    for row in rows[1:]:
        if row.zh != first.zh:
            reason = f"{row.code} is called {first.zh!r} in row {first.number}"
            work.faults.append(row.fault(work.file, MINOR_NAME, reason))
    acts = _units(work, rows, ACTS, lambda row: row.acts)
    supervises = _units(work, rows, SUPERVISES, lambda row: row.supervises)
    conditions = _conditions(work, rows, old)
    if len(work.faults) > found:
        return None
    said = {"zh": first.zh, "acts": acts, "supervises": supervises, "conditions": conditions}
    if old:
        kept = tuple(code for code in old.alternates if code not in acts)
        return old.model_copy(update={**said, "alternates": kept})
    return Category(scheme=work.scheme, code=first.code, en=first.zh, tile=_tile(first), **said)  # type: ignore[arg-type]


def _units(work: Import, rows: list[Row], column: str, cell: Cell) -> tuple[str, ...]:
    """Department codes, in the order in which the rows name them; an unknown one is a fault of its cell."""
    codes: dict[str, None] = {}
    for row in rows:
        for word in filter(None, _SEPARATORS.split(cell(row))):
            code = work.names.get(word)
            if code is None or (code == COMMUNITY and column == SUPERVISES):
                reason = f"{word!r} is no department: add it to departments.yaml, or to `also` of the one it means"
                work.faults.append(row.fault(work.file, column, reason))
            else:
                codes[code] = None
    return tuple(codes)


def _conditions(work: Import, rows: list[Row], old: Category | None) -> tuple[Condition, ...]:
    """The most urgent first, else in the order of the rows."""
    known = {condition.zh: condition for condition in old.conditions} if old else {}
    taken = {condition.code for condition in known.values()}
    made: dict[str, Condition] = {}
    for row in rows:
        if row.condition in made:
            work.faults.append(row.fault(work.file, CONDITION, f"{row.condition!r} twice in {row.code}"))
            continue
        before = known.get(row.condition)
        if before and before.priority == "E" and not limits.may_be_life_safety(row.limit):
            reason = (
                f"is of class E (life-safety) until now, which has at most {limits.LIFE_SAFETY_HOURS} h: decide by hand"
            )
            work.faults.append(row.fault(work.file, LIMIT, reason))
            continue
        code = before.code if before else _free(taken)
        taken.add(code)
        made[row.condition] = _condition(row, code, before)
    return tuple(sorted(made.values(), key=lambda condition: _URGENCY.index(condition.priority)))


def _condition(row: Row, code: str, before: Condition | None) -> Condition:
    life = before is not None and before.priority == "E"
    return Condition.model_validate(
        {
            "code": code,
            "zh": row.condition,
            "en": before.en if before else row.condition,
            "class": "E" if life else limits.class_of(row.limit),
            "limit": row.limit,
            "repair": before.repair if before else None,
            "closes": row.closes or None,
        }
    )


def _free(taken: set[str]) -> str:
    number = 1
    while f"c{number}" in taken:
        number += 1
    return f"c{number}"


def _tile(row: Row) -> str:
    return row.code[:3].lower()


def as_yaml(file: CategoriesFile, source: str) -> str:
    """The file as text, without what is as by default."""
    head = f"# Written by `qianshao reference import-workbook` from {source}. May be edited: the next import keeps what the\n"
    head += (
        "# workbook does not tell (tile, marks, radius_m, pays, public, English texts, class E and its repair limit).\n"
    )
    plain = file.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return head + yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=120, default_flow_style=None)
