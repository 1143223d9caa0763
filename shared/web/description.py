"""The OpenAPI of an app says how it refuses: one kind of answer, problem+json, for every route and said once."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from shared.web.problems import MEDIA_TYPE


class ProblemLine(BaseModel):
    """One reason: which field, why, and in which row where a file was sent."""

    field: str
    reason: str
    row: int | None = None


class Problem(BaseModel):
    """A refusal (RFC 9457). `code` is for programs, `detail` for people, `errors` for the form that was filled in."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ProblemLine]


REFUSALS = {
    400: "Not understood, or the Idempotency-Key is missing",
    401: "No valid token",
    403: "Not for this role, or not for this caller",
    404: "Not there, or nothing of the caller's",
    409: "It has moved on meanwhile, or the key was used for another request",
    413: "Larger than is taken",
    415: "A kind of content that is not taken",
    422: "A field is wrong; the answer names it and the reason",
    429: "Too many; Retry-After says when again",
    503: "The database does not answer; repeat with the same key",
}
_METHODS = frozenset({"get", "put", "post", "patch", "delete"})
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
"""What FastAPI would answer for a wrong field; this app answers with a problem instead."""


def describe(app: FastAPI) -> None:
    """Let the OpenAPI of `app` have the refusals with every operation."""
    usual = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_refusals(usual())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual has it


def with_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, changed in place."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    schemas["ProblemLine"], schemas["Problem"] = ProblemLine.model_json_schema(), _problem()
    for path in document.get("paths", {}).values():
        for operation in (path[method] for method in _METHODS & set(path)):
            operation["responses"].update(_answers())
    return document


def _problem() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return schema


def _answers() -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": words, "content": content} for status, words in REFUSALS.items()}
