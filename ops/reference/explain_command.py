"""`qianshao reference explain`: which rule decides about a case, and why each earlier one does not."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ops import output
from ops.output import Format, Output
from shared.reference.explaining import explain
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load
from shared.reference.routing import RouteError

_WORDS = {
    "decides": "决定 decides",
    "no_match": "不符 no",
    "cannot_tell": "无法判断 cannot tell",
    "not_asked": "不再问 not asked",
}


def explain_(
    directory: Annotated[Path, typer.Argument(envvar="QIANSHAO_REFERENCE", help="folder of reference data")],
    category: Annotated[str, typer.Option(help="scheme:code")],
    place: Annotated[str | None, typer.Option(help="most precise grid code; none: uncertain")] = None,
    condition: Annotated[str | None, typer.Option(help="none: the first of the category")] = None,
    at: Annotated[datetime | None, typer.Option(help="local time, such as 2026-11-25T23:30; none: nobody says")] = None,
    answer: Annotated[list[str] | None, typer.Option(help="question=choice, any number of times")] = None,
    output_: Output = Format.TEXT,
) -> None:
    """为何派给这些部门 · Which rule decides and why each earlier one does not. Exit status 1: none decides."""
    try:
        reference = load(directory)
    except ReferenceInvalid as refusal:
        raise output.cannot(f"{directory}: 参考数据不完好 is not sound: {refusal}") from None
    scheme, _, code = category.partition(":")
    facts = reference.facts((scheme, code), condition, place, local=at, answers=_answers(answer or []))
    if isinstance(facts, RouteError):
        raise output.cannot(f"{category} {condition or ''}: 没有这个类别 there is no such category")
    steps = explain(reference.rules, reference.departments, facts)
    if output_ is Format.JSON:
        typer.echo(output.as_json({"version": reference.version, "steps": [asdict(step) for step in steps]}))
    else:
        for step in steps:
            typer.echo(f"{step.rule}  {_WORDS[step.verdict]}  {step.text}".rstrip())
    raise typer.Exit(output.FINE if any(step.verdict == "decides" for step in steps) else output.WRONG)


def _answers(given: list[str]) -> dict[str, str]:
    """Raises `typer.Exit` after saying which one is not of the form question=choice."""
    for one in given:
        if not all(one.partition("=")):
            raise output.cannot(f"--answer {one}: 应为 question=choice must be question=choice")
    return {question: choice for question, _, choice in (one.partition("=") for one in given)}
