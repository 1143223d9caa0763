"""A `worker` process: Faust agents, the outbox relay, the retry loop; HTTP for health and metrics only."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

import structlog

from shared.beside import Beside, Job, Jobs, no_jobs
from shared.clock import system_clock
from shared.contracts.topics import ACCOUNT_CHANGED
from shared.ids import new_id
from shared.kafka import faust_app, watchdog
from shared.kafka.agents import Consumer
from shared.kafka.publisher import KafkaPublisher
from shared.kafka.watchdog import KafkaProbe
from shared.metrics import Metrics
from shared.mongo.client import Database
from shared.mongo.forgetting import Forgetting, Plan
from shared.mongo.inbox import Handle
from shared.mongo.indexes import Collection
from shared.mongo.lane import Lane
from shared.mongo.lease import Lease
from shared.mongo.opening import OpenDatabase
from shared.mongo.person import handle_account
from shared.mongo.relay import Relay
from shared.mongo.retention import Retention, Rule, with_days
from shared.mongo.retry import RetryLoop
from shared.mongo.timers import Timer, Timers
from shared.mongo.transactions import MongoTransactor
from shared.mongo.veil import Veil
from shared.pseudonym import Pseudonyms
from shared.runtime import Process, serve_http
from shared.settings import KafkaSettings, Settings
from shared.web import app as web

log = structlog.get_logger(__name__)

_TOPICS_SECONDS = 1.0


async def run_worker(
    process: Process,
    settings: Settings,
    kafka: KafkaSettings,
    *,
    service: str,
    reference_version: str,
    collections: Iterable[Collection],
    handlers: Mapping[str, Handle],
    plan: Plan | None = None,
    retention: Iterable[Rule] = (),
    timers: Iterable[Timer] = (),
    beside: Jobs = no_jobs,
) -> None:
    """Wire and start everything; returns while it runs. `handlers` says what to do with each topic's events, `plan` with
    what a service knows of somebody who is to be forgotten, `retention` what is kept for how long, `timers` what happens
    by itself, `beside` what else it does.

    Raises `ValueError` for days of retention or a key of pseudonyms that cannot be used.
    """
    rules = with_days(retention, settings.retention_days)
    name = f"{service}.worker"
    opened = OpenDatabase(settings, name, collections)
    process.on_stop("database", opened.close)
    lane = Lane(MongoTransactor(opened.client, opened.database, system_clock))

    publisher = KafkaPublisher(kafka, name)
    holder = f"{socket.gethostname()}/{os.getpid()}/{new_id()}"
    lease = Lease(opened.database, "relay", holder)
    relay = Relay(opened.database, publisher, lease, system_clock)
    pseudonyms = Pseudonyms.from_file(settings.forget_key)
    veil = Veil(opened.database, pseudonyms)
    if service in ACCOUNT_CHANGED.consumers:
        handlers = {**handlers, ACCOUNT_CHANGED.name: handle_account(pseudonyms, handlers.get(ACCOUNT_CHANGED.name))}
    consumers = [
        Consumer(topic, service, handle, lane, system_clock, process.fatal, veil=veil)
        for topic, handle in handlers.items()
    ]
    retries = RetryLoop(opened.database, lane, service, dict(handlers), veil)
    forgetting_lease = Lease(opened.database, "forgetting", holder)
    retention_lease = Lease(opened.database, "retention", holder)
    removal = Retention(opened.client, opened.database, retention_lease, rules, system_clock)
    timers_lease = Lease(opened.database, "timers", holder)
    waking = Timers(opened.database, lane, timers_lease, timers)
    forgetting = Forgetting(opened.database, lane, forgetting_lease, service, plan or Plan(), system_clock)
    faust = faust_app.build(f"{service}.v1", kafka, consumers)
    probe = KafkaProbe(kafka, name)

    metrics = Metrics(service, "worker", reference_version)
    metrics.watch_lane(lane)
    metrics.watch_worker(relay, consumers, retries)
    metrics.watch_forgetting(forgetting)
    metrics.watch_retention(removal)
    metrics.watch_timers(waking)
    jobs = list(
        beside(Beside(opened.database, lane, metrics.registry, kafka, partial(_lease, opened.database, holder)))
    )
    checks = {"database": opened.check, "kafka": _topics_check(probe, handlers), "group": _membership_check(faust)}
    serve_http(
        process, web.create(f"{service} worker", metrics=metrics, checks=checks), settings.http_host, settings.http_port
    )

    await opened.prepare()
    process.spawn("lane", lane.run())
    process.on_stop("lane", lambda: lane.drain(5.0))
    process.on_stop("publisher", publisher.close)
    _under_lease(process, "relay", relay.run, lease)
    process.spawn("doorbell", relay.listen())
    process.spawn("veil", veil.watch())
    _under_lease(process, "forgetting", forgetting.run, forgetting_lease)
    _under_lease(process, "retention", removal.run, retention_lease)
    if waking.stats.woken:  # most services have nothing that happens by itself, and a lease for nothing costs writes
        _under_lease(process, "timers", waking.run, timers_lease)
    _start(process, [*jobs, Job("retries", retries.run), Job("letters", retries.count)])
    process.on_stop("probe", probe.close)
    # Faust that meets a missing topic is a member without partitions for five minutes, and looks well.
    await _wait_for_topics(probe, handlers)
    await faust.start()
    process.on_stop("faust", faust.stop)
    process.spawn("watchdog", watchdog.watch(faust, consumers, opened.answers))


def _lease(database: Database, holder: str, name: str) -> Lease:
    return Lease(database, name, holder)


def _start(process: Process, jobs: Iterable[Job]) -> None:
    for job in jobs:
        if job.close is not None:
            process.on_stop(job.name, job.close)
        if job.lease is None:
            process.spawn(job.name, job.run())
        else:
            _under_lease(process, job.name, job.run, job.lease)


def _under_lease(process: Process, name: str, run: Callable[[], Coroutine[Any, Any, None]], lease: Lease) -> None:
    """A job that one worker does for all; its lease is given back when the process ends."""
    process.spawn(name, run())
    process.on_stop(f"{name} lease", lease.release)


async def _wait_for_topics(probe: KafkaProbe, topics: Iterable[str]) -> None:
    wanted = set(topics)
    while True:
        try:
            missing = await probe.missing(wanted)
        except Exception as error:  # noqa: BLE001 - whatever it is, Kafka is not there yet
            log.warning("waiting for Kafka", error=repr(error)[:200])
        else:
            if not missing:
                return
            log.warning("waiting for topics", missing=sorted(missing)[:5])
        await asyncio.sleep(_TOPICS_SECONDS)


def _topics_check(probe: KafkaProbe, topics: Iterable[str]) -> Any:
    wanted = set(topics)

    async def check() -> str | None:
        try:
            missing = await probe.missing(wanted)
        except Exception as error:  # noqa: BLE001 - any failure means the same to whoever asks
            return f"Kafka does not answer: {type(error).__name__}"
        return f"topics are missing: {', '.join(sorted(missing)[:5])}" if missing else None

    return check


def _membership_check(faust: Any) -> Any:
    async def check() -> str | None:
        return watchdog.membership(faust)

    return check
