"""Refusals as problem+json (RFC 9457): which field, which reason, what to do next."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.errors import FieldError, Refused, Unavailable
from shared.mongo.client import DatabaseError, is_transient

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://qianshao.cn/problems/"
"""Identifies, as RFC 9457 asks; it need not resolve."""

TOO_LARGE = "content-too-large"
_CODES = {413: TOO_LARGE}  # the phrase for it is not the same in all versions of Python


def problem(
    status: int, code: str, detail: str, *errors: FieldError, headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem+json answer. `errors` become `[{"field", "reason"}]`, with their `row` where a file was sent."""
    return JSONResponse(problem_body(status, code, detail, *errors), status, headers=headers, media_type=MEDIA_TYPE)


def problem_body(status: int, code: str, detail: str, *errors: FieldError) -> dict[str, Any]:
    """What a problem+json answer says, for answers that have several of them."""
    return {
        "type": f"{TYPE_PREFIX}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [_line(error) for error in errors],
    }


def _line(error: FieldError) -> dict[str, str | int]:
    row: dict[str, str | int] = {} if error.row is None else {"row": error.row}
    return {**row, "field": error.field, "reason": error.reason}


def install(app: FastAPI) -> None:
    """Every error of this app leaves as problem+json."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DatabaseError, _database)
    app.add_exception_handler(Exception, _unexpected)


def _count(request: Request, code: str) -> None:
    request.app.state.metrics.problems.labels(code).inc()


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    _count(request, error.problem_code)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return problem(error.status, error.problem_code, error.detail, *error.errors, headers=headers)


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)
    _count(request, "unavailable")
    retry = {"Retry-After": str(error.retry_after_seconds)}
    return problem(503, "unavailable", f"{error.detail}; repeat with the same key", headers=retry)


async def _database(request: Request, error: Exception) -> JSONResponse:
    """A read that the database did not answer in time is no fault of the request."""
    if is_transient(error):
        return await _unavailable(request, Unavailable("the database did not answer in time"))
    return await _unexpected(request, error)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    _count(request, "invalid")
    found = [FieldError(_field(one["type"], one["loc"]), one["msg"]) for one in error.errors()]
    detail = "; ".join(f"{e.field}: {e.reason}" for e in found)
    return problem(422, "invalid", detail, *found)


def _field(kind: str, where: tuple[str | int, ...]) -> str:
    if kind == "json_invalid":
        return "body"  # here `where` is a position in the text
    return ".".join(str(part) for part in where[1:]) or str(where[0])


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code) or HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    _count(request, code)
    return problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _count(request, "internal")
    # this one runs outside of the middleware, so what that adds to logs and answers is added here
    id_ = str(request.scope.get("correlation_id", ""))
    log.error("unexpected error", path=request.url.path, correlation_id=id_, exc_info=error)
    detail = "something went wrong here; it has been logged, please repeat with the same key"
    return problem(500, "internal", detail, headers={"X-Correlation-Id": id_})
