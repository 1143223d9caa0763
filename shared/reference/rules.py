"""Checks of the routing files: rules that point at something real, and cases that come out as written."""

from collections.abc import Iterator, Mapping

from shared.reference.categories import COMMUNITY, Category
from shared.reference.files import Fault
from shared.reference.reference import Reference
from shared.reference.routing import ACTS, Case, Route, RouteError, RoutingFile, Rule, names_category

Files = Mapping[str, RoutingFile]


def ordered(files: Files) -> tuple[Rule, ...]:
    """The rules of all files, first to be asked first."""
    return tuple(sorted((rule for file in files.values() for rule in file.rules), key=lambda rule: rule.order))


def check(files: Files, reference: Reference, faults: list[Fault]) -> None:
    """Every rule points at something real and decides a case of its own file; every case comes out as written."""
    faults += [Fault(name, where, reason) for name, where, reason in _repeated(files)]
    for name, file in files.items():
        decided = {case.rule for case in file.cases}
        for rule in file.rules:
            where = f"rules ({rule.code})"
            faults += [Fault(name, f"{where}.{part}", reason) for part, reason in _dangling(rule, reference)]
            if rule.code not in decided:
                faults.append(Fault(name, where, "no case of this file shows what it does"))
        for number, case in enumerate(file.cases):
            reason = _failure(case, reference)
            if reason:
                faults.append(Fault(name, f"cases.{number} ({case.category})", reason))


def _repeated(files: Files) -> Iterator[tuple[str, str, str]]:
    """Two rules with one order would let the file's name decide which comes first."""
    codes: set[str] = set()
    orders: set[int] = set()
    for name, file in files.items():
        for rule in file.rules:
            if rule.code in codes:
                yield name, f"rules ({rule.code}).code", "code twice"
            if rule.order in orders:
                yield name, f"rules ({rule.code}).order", f"order {rule.order} twice"
            codes.add(rule.code)
            orders.add(rule.order)


def _dangling(rule: Rule, reference: Reference) -> Iterator[tuple[str, str]]:
    meant = [category for category in reference.categories.values() if _means(rule, category.key)]
    for pattern in rule.when.category:
        if not any(names_category(pattern, key) for key in reference.categories):
            yield "when.category", f"{pattern!r} names no category"
    conditions = {condition.code for category in meant for condition in category.conditions}
    for condition in rule.when.condition:
        if condition not in conditions:
            yield "when.condition", f"{condition!r} is no condition of these categories"
    for place in rule.when.place:
        if place not in reference.places:
            yield "when.place", f"{place!r} is not in the grid tree"
    yield from _unasked(rule, meant)
    for target in rule.to:
        if target not in (ACTS, COMMUNITY) and target not in reference.departments:
            yield "to", f"unknown department {target!r}"


def _unasked(rule: Rule, meant: list[Category]) -> Iterator[tuple[str, str]]:
    for question, choices in rule.when.answers.items():
        known = {choice for category in meant for choice in category.choices.get(question, ())}
        for choice in choices:
            if choice not in known:
                yield f"when.answers.{question}", f"{choice!r} is no answer to it in these categories"


def _means(rule: Rule, key: tuple[str, str]) -> bool:
    return not rule.when.category or any(names_category(pattern, key) for pattern in rule.when.category)


def _failure(case: Case, reference: Reference) -> str | None:
    """Why the case does not come out as written, None if it does."""
    scheme, _, code = case.category.partition(":")
    if case.place is not None and case.place not in reference.places:
        return f"place {case.place!r} is not in the grid tree"
    kind = reference.categories.get((scheme, code))
    for question, choice in case.answers.items():
        if kind is not None and choice not in kind.choices.get(question, ()):
            return f"answers.{question}: {choice!r} is no answer to it"
    got = reference.route((scheme, code), case.condition, case.place, case.priority, case.at, case.answers)
    match got:
        case RouteError(rule, reason):
            return f"expected {case.rule}, got an error{f' in {rule}' if rule else ''}: {reason}"
        case Route(departments, rule) if (rule, departments) != (case.rule, case.departments):
            return f"expected {case.rule} -> {', '.join(case.departments)}, got {rule} -> {', '.join(departments)}"
    return None
