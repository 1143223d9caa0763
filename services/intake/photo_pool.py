"""Photos are decoded in processes of their own: bounded in number, memory and time, so that no picture can harm the api."""

import asyncio
import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import structlog

from services.intake.photos import Limits, SanitisedPhoto, sanitise
from services.intake.refusals import refused
from shared.errors import Unavailable

log = structlog.get_logger(__name__)

MEMORY_BYTES = 1024 * 1024 * 1024
"""Address space of one decoding process; 50 M pixels in RGB are 150 MB, opened and turned some three times that."""

SECONDS = 10.0
QUEUE_PER_PROCESS = 8


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


class PhotoPool:
    """`await sanitise(raw)`; a picture that ends its process costs only itself."""

    def __init__(self, processes: int, limits: Limits) -> None:
        self._processes = processes
        self._limits = limits
        self._waiting = 0
        self._pool = self._make()

    async def sanitise(self, raw: bytes) -> SanitisedPhoto:
        """Raises `Invalid` with the name of the problem, `Unavailable` when too many photos wait."""
        if self._waiting >= self._processes * QUEUE_PER_PROCESS:
            raise Unavailable("too many photos are being decoded")
        self._waiting += 1
        pool = self._pool
        try:
            async with asyncio.timeout(SECONDS):
                return await asyncio.get_running_loop().run_in_executor(pool, sanitise, raw, self._limits)
        except BrokenProcessPool:
            self._renew(pool)
            raise refused("too_complex", "memory") from None
        except TimeoutError:
            self._renew(pool)
            raise refused("too_complex", f"> {SECONDS:.0f} s") from None
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the processes."""
        _end(self._pool)

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        """Replace a pool that died or hangs, once, whoever notices first."""
        if self._pool is broken:
            log.warning("photo pool renewed")
            self._pool = self._make()
            _end(broken)

    def _make(self) -> ProcessPoolExecutor:
        # forkserver: a fork of this process would copy its sockets and its threads' locks
        context = multiprocessing.get_context("forkserver")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=_limit)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
