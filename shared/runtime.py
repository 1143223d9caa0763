"""One process: its tasks, its signals, its hard deadline. `run(main)` returns only by ending the process."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from shared import logging

log = structlog.get_logger(__name__)

EXIT_RETRY = 75
"""EX_TEMPFAIL: trouble that a restart may find gone."""

STOP_SECONDS = 20.0
"""From the first signal to the end, whatever hangs. Below Kubernetes' default of 30 s."""

_CLEANUP_SECONDS = 8.0


class Process:
    """Tasks that must all live: the first that ends or fails ends the process."""

    def __init__(self) -> None:
        self._ending = asyncio.Event()
        self._exit_code = 0
        self._asked = False
        self._tasks: list[asyncio.Task[Any]] = []
        self._cleanups: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run `coroutine` for as long as the process lives."""
        task = asyncio.create_task(coroutine, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def on_stop(self, name: str, cleanup: Callable[[], Awaitable[None]]) -> None:
        """Await `cleanup` when the process ends, last registered first, each at most 8 s."""
        self._cleanups.append((name, cleanup))

    def fatal(self, error: BaseException) -> None:
        """End the process: exit 75 for trouble that may pass, 1 for anything else. The first reason counts."""
        if self._ending.is_set():
            return
        self._exit_code = EXIT_RETRY if type(error).__name__ == "Exhausted" else 1
        log.error("ending", reason=repr(error)[:500], exit=self._exit_code, exc_info=error)
        self._begin_to_end()

    def stop(self) -> None:
        """End the process in good order; asked twice, at once."""
        if self._asked:
            os._exit(130)
        self._asked = True
        if not self._ending.is_set():
            log.info("stopping")
            self._begin_to_end()

    async def wait(self) -> int:
        """Wait for the end, clean up, return the exit code."""
        await self._ending.wait()
        for name, cleanup in reversed(self._cleanups):
            try:
                async with asyncio.timeout(_CLEANUP_SECONDS):
                    await cleanup()
            except Exception as error:  # noqa: BLE001 - the others are still to be cleaned up
                log.warning("clean-up failed", of=name, error=repr(error)[:300])
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=2.0) if self._tasks else None
        return self._exit_code

    def _begin_to_end(self) -> None:
        self._ending.set()
        # A hung client library must not keep a dead process alive: end it from a thread of its own.
        deadline = threading.Timer(STOP_SECONDS, os._exit, [self._exit_code or 1])
        deadline.daemon = True
        deadline.start()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if self._ending.is_set():
            if not task.cancelled():
                task.exception()
            return
        error = None if task.cancelled() else task.exception()
        self.fatal(error or RuntimeError(f"the task {task.get_name()} ended"))


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which would end the process before it has cleaned up."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve_http(process: Process, app: FastAPI, host: str, port: int, proxies: str = "127.0.0.1") -> None:
    """Serve `app` as part of `process`; on stop, requests under way are finished first. `proxies` are believed who the
    client is."""
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            forwarded_allow_ips=proxies,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=75,
        )
    )

    async def serve() -> None:
        try:
            await server.serve()
        except SystemExit:
            raise RuntimeError(f"cannot listen on {host}:{port}") from None

    async def stop() -> None:
        server.should_exit = True
        await asyncio.wait({serving})

    serving = process.spawn("http", serve())
    process.on_stop("http", stop)


def run(main: Callable[[Process], Awaitable[None]]) -> None:
    """Run `main` (which wires and spawns) until a signal or a fatal error, then exit with a meaningful code."""
    code = asyncio.run(_run(main))
    sys.exit(code)  # should a client library's thread hang now, the deadline ends the process


async def _run(main: Callable[[Process], Awaitable[None]]) -> int:
    process = Process()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    starting = asyncio.ensure_future(main(process))
    ending = asyncio.ensure_future(process.wait())
    await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    elif error := starting.exception():
        process.fatal(error)
    return await ending


def main(
    service: str,
    argv: list[str],
    *,
    api: Callable[[Process], Awaitable[None]],
    worker: Callable[[Process], Awaitable[None]],
) -> None:
    """The body of every `__main__`: choose the entry point, set up the logs, run. Exits with 2 on a wrong call."""
    entries = {"api": api, "worker": worker}
    if len(argv) != 2 or argv[1] not in entries:
        sys.stderr.write(f"usage: python -m services.{service} api|worker\n")
        sys.exit(2)
    level, fmt = os.environ.get("QIANSHAO_LOG_LEVEL", "INFO"), os.environ.get("QIANSHAO_LOG_FORMAT", "json")
    logging.configure(service=service, entry=argv[1], level=level, fmt=fmt)
    run(entries[argv[1]])
