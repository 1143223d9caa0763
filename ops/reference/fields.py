"""Models as flat fields, so that two of them can be compared line by line: `conditions.missing.limit` = `2 uh`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Literal

from pydantic import BaseModel

from shared.reference.reference import Reference

Fields = Mapping[str, str]
Items = Mapping[str, Fields]
What = Literal["added", "removed", "changed"]

_KEYS = ("code", "year", "rule")


def parts(reference: Reference) -> Mapping[str, Items]:
    """Everything that a directory decides by, as part > code > field. What is drawn is compared as ground, not here."""
    categories = {":".join(key): category for key, category in reference.categories.items()}
    return {
        "departments": _items(reference.departments),
        "schemes": _items(reference.schemes),
        "tiles": _items(reference.tiles),
        "categories": _items(categories),
        "rules": _items({rule.code: rule for rule in reference.rules}),
        "points": {"points": flat(reference.points)},
        "calendars": _items({str(year): file for year, file in reference.calendar.years.items()}),
        "subdistricts": _items(reference.subdistricts, leave_out=("communities",)),
        "places": _items(reference.places),
        "homes": _items(reference.homes),
        "prizes": _items(reference.prizes),
        "partners": _items(reference.partners),
        "teams": _items(reference.teams),
        "squads": _items(reference.squads),
        "robots": _items(reference.robots),
        "quiet": {"quiet": flat(reference.quiet)},
    }


def compare(before: Items, after: Items) -> Iterator[tuple[str, What, str, str, str]]:
    """Code, what happened, field, before, after; a whole item that came or went has no field."""
    for code in sorted({*before, *after}):
        old, new = before.get(code), after.get(code)
        if old is None or new is None:
            yield code, "added" if old is None else "removed", "", _name(old), _name(new)
            continue
        for field in sorted({*old, *new}):
            if old.get(field) != new.get(field):
                yield code, "changed", field, old.get(field, ""), new.get(field, "")


def flat(item: Any) -> Fields:
    """The fields of a model or dataclass; what is absent has none."""
    plain = item.model_dump(mode="json", by_alias=True) if isinstance(item, BaseModel) else item
    plain = asdict(item) if is_dataclass(item) and not isinstance(item, type) else plain
    return dict(_flat("", plain))


def _items(items: Mapping[str, Any], leave_out: Iterable[str] = ()) -> Items:
    dropped = {*leave_out, "cases"}
    found = {code: flat(item) for code, item in items.items()}
    return {
        code: {field: text for field, text in fields.items() if field.partition(".")[0] not in dropped}
        for code, fields in found.items()
    }


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value.keys() == {"value", "unit"}:
        yield path, f"{value['value']} {value['unit']}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list | tuple) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            key = next((str(inner[name]) for name in _KEYS if name in inner), str(number))
            yield from _flat(f"{path}.{key}", inner)
    elif isinstance(value, list | tuple):
        yield path, ", ".join(map(str, value))
    elif value is not None:
        yield path, str(value)


def _name(fields: Fields | None) -> str:
    return (fields or {}).get("zh", "")
