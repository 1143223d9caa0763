"""An `api` process: the commit lane and HTTP. It needs MongoDB only: with Kafka down reports are still accepted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import APIRouter

from shared.clock import system_clock
from shared.metrics import Metrics
from shared.mongo.indexes import Collection
from shared.mongo.lane import Lane
from shared.mongo.opening import OpenDatabase
from shared.mongo.transactions import MongoTransactor
from shared.runtime import Process, serve_http
from shared.settings import Settings
from shared.web import app as web
from shared.web.auth import TokenVerifier
from shared.web.policy import Policy


@dataclass(frozen=True, slots=True)
class Api:
    """What a service's routers are built from."""

    lane: Lane
    opened: OpenDatabase
    metrics: Metrics


async def run_api(
    process: Process,
    settings: Settings,
    *,
    service: str,
    reference_version: str,
    collections: Iterable[Collection],
    routers: Callable[[Api], Iterable[APIRouter]],
    policy: Policy,
) -> None:
    """Wire and start everything; returns while it runs.

    Raises `ValueError` for an unusable JWKS file, or where routes and `policy` differ.
    """
    verifier = TokenVerifier.from_settings(settings)
    opened = OpenDatabase(settings, f"{service}.api", collections)
    process.on_stop("database", opened.close)
    lane = Lane(MongoTransactor(opened.client, opened.database, system_clock))
    metrics = Metrics(service, "api", reference_version)
    metrics.watch_lane(lane)
    app = web.create(
        f"Qianshao {service}",
        metrics=metrics,
        checks={"database": opened.check},
        routers=routers(Api(lane, opened, metrics)),
        policy=policy,
        verifier=verifier,
    )
    process.spawn("lane", lane.run())
    process.on_stop("lane", lambda: lane.drain(5.0))
    serve_http(process, app, settings.http_host, settings.http_port, settings.trusted_proxies)
    await opened.prepare()
