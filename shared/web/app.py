"""The app factory of every process: the same health, metrics, problems, correlation and login everywhere."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from fastapi import APIRouter, FastAPI

from shared.ids import new_id
from shared.metrics import Metrics
from shared.web import description, health, problems
from shared.web.auth import TokenVerifier
from shared.web.body_limit import BodyLimit
from shared.web.correlation import Correlation
from shared.web.policy import OF_EVERY_PROCESS, Policy, guard

MAX_BODY_BYTES = 15 * 1024 * 1024


def create(
    title: str,
    *,
    metrics: Metrics,
    checks: Mapping[str, health.Check],
    routers: Iterable[APIRouter] = (),
    policy: Policy = MappingProxyType({}),
    verifier: TokenVerifier | None = None,
) -> FastAPI:
    """An app with `routers` under their own paths, each route behind its row of `policy`.

    A worker passes none: it serves health and metrics only. Raises `ValueError` if routes and rows differ.
    """
    app = FastAPI(
        title=title,
        docs_url="/v1/docs",
        openapi_url="/v1/openapi.json",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.metrics = metrics
    app.state.verifier = verifier
    problems.install(app)
    description.describe(app)
    for router in (health.router(metrics, checks), *routers):
        app.router.routes.extend(router.routes)  # the routes themselves: included, they would be copies behind no guard
    guard(app.router.routes, {**OF_EVERY_PROCESS, **policy})
    app.add_middleware(BodyLimit, most=MAX_BODY_BYTES)
    app.add_middleware(Correlation, new_id=new_id, metrics=metrics)
    return app
