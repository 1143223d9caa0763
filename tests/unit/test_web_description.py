"""An app describes how it refuses, for every route, in the form that it really refuses in."""

from collections.abc import Iterator

from fastapi import APIRouter

from shared.errors import FieldError, Refused
from shared.metrics import Metrics
from shared.web import app as web
from shared.web.description import REFUSALS, Problem
from shared.web.problems import MEDIA_TYPE, problem_body
from tests.support.serving import open_to_all


def test_every_route_says_how_it_refuses() -> None:
    routes = APIRouter(prefix="/v1")

    @routes.post("/things")
    async def post_thing(number: int) -> int:
        return number

    app = web.create("t", metrics=Metrics("t", "api", "r"), checks={}, routers=[routes], policy=open_to_all(routes))
    document = app.openapi()
    answers = document["paths"]["/v1/things"]["post"]["responses"]
    assert set(answers) == {"200", *map(str, REFUSALS)}
    assert set(answers["422"]["content"]) == {MEDIA_TYPE}
    assert {"Problem", "ProblemLine"} == set(document["components"]["schemas"])


def test_a_problem_has_the_described_form() -> None:
    body = problem_body(422, "invalid", "no", FieldError("text", "too long"), FieldError("phone", "missing", 3))
    assert Problem.model_validate(body).model_dump(exclude_unset=True) == body


def test_every_refusal_there_is_is_described() -> None:
    assert {kind.status for kind in _kinds(Refused)} <= set(REFUSALS)


def _kinds(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)
