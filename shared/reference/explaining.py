"""Why these departments: what each routing rule says to the facts, in the order in which they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.reference.routing import Facts, RouteError, Rule, When, decide, matches

_PARTS = ("category", "condition", "priority", "answers", "place", "hours", "days", "working")


@dataclass(frozen=True, slots=True)
class Step:
    """One rule. `text`: the departments of the one that decides, why another does not match or cannot tell."""

    rule: str
    verdict: Literal["decides", "no_match", "cannot_tell", "not_asked"]
    text: str


def explain(rules: Sequence[Rule], departments: Mapping[str, object], facts: Facts) -> list[Step]:
    """One step a rule; those after the deciding one are not asked."""
    steps: list[Step] = []
    over = False
    for rule in rules:
        step = Step(rule.code, "not_asked", "") if over else _ask(rule, departments, facts)
        over = over or step.verdict in ("decides", "cannot_tell")
        steps.append(step)
    return steps


def _ask(rule: Rule, departments: Mapping[str, object], facts: Facts) -> Step:
    found = decide([rule], departments, facts, "")
    if not isinstance(found, RouteError):
        return Step(rule.code, "decides", ", ".join(found.departments))
    if found.rule is not None:
        return Step(rule.code, "cannot_tell", found.reason)
    part = next(part for part in _PARTS if not matches(_only(rule.when, part), facts))
    return Step(rule.code, "no_match", f"{part}: {_wanted(getattr(rule.when, part))}")


def _wanted(value: object) -> str:
    """What the part asks for, in words."""
    if isinstance(value, Mapping):
        return "; ".join(f"{question} = {' / '.join(choices)}" for question, choices in value.items())
    if isinstance(value, bool):
        return "in working time" if value else "outside working time"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _only(when: When, part: str) -> When:
    return When.model_construct(**{part: getattr(when, part)})
