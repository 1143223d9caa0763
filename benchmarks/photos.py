"""A photo made safe against Pillow's plain way, and a photo as the body itself against the same in a form."""

import asyncio
import io
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import httpx2
from fastapi import APIRouter, Request
from PIL import Image, ImageFilter

from benchmarks.result import Result, rate
from services.intake.photos import Limits, sanitise
from services.intake.reading import read_photo
from shared.metrics import Metrics
from shared.web.app import create
from tests.support.photos import jpeg, noise, street
from tests.support.serving import open_to_all, served

SIZE = (4000, 3000)
TIMES = 7
FILES = 150
BODY_BYTES = 2_000_000


def measure() -> list[Result]:
    """Of a 12 MP JPEG, each way in a process of its own; then uploads of 2 MB without what comes behind them."""
    raw = _camera()
    ours, our_kb = _alone(_sanitised, raw)
    plain, plain_kb = _alone(_plainly, raw)
    return [
        Result(
            f"photo of 12 MP ({len(raw) / 1e6:.1f} MB): safe, small, thumb, hashes",
            f"{ours * 1000:,.0f} ms",
            f"{plain * 1000:,.0f} ms (Pillow: decode, resize, encode)",
            f"{ours / plain:.2f} of its time",
        ),
        Result(
            "  memory beyond the start",
            f"{our_kb / 1024:,.0f} MB",
            f"{plain_kb / 1024:,.0f} MB",
            f"{our_kb / plain_kb:.2f}",
        ),
        _within_its_own_loop(),
    ]


def _within_its_own_loop() -> Result:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(_uploads())).result()


def _camera() -> bytes:
    """As loud as a phone's picture of a street: some 3 MB."""
    grain = noise(*SIZE).filter(ImageFilter.GaussianBlur(1.2))
    return jpeg(Image.blend(street(*SIZE), grain, 0.25), quality=90)


def _sanitised(raw: bytes) -> None:
    sanitise(raw, Limits())


def _plainly(raw: bytes) -> None:
    picture = Image.open(io.BytesIO(raw))
    picture.load()
    picture.resize((2048, 1536), Image.Resampling.LANCZOS).save(io.BytesIO(), "JPEG", quality=85)


def _alone(work: Callable[[bytes], None], raw: bytes) -> tuple[float, int]:
    """Seconds (the median) and kilobytes (the peak beyond what was there before)."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_timed, work, raw).result()


def _timed(work: Callable[[bytes], None], raw: bytes) -> tuple[float, int]:
    work(jpeg(street(64, 64)))  # codecs are loaded
    before, took = _peak(), []
    for _ in range(TIMES):
        started = time.process_time()
        work(raw)
        took.append(time.process_time() - started)
    return sorted(took)[TIMES // 2], _peak() - before


def _peak() -> int:
    """Kilobytes of this program's own peak; `getrusage` would carry over its parent's."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0])


async def _uploads() -> Result:
    """Through the middleware and the reading of intake; the sender's form is made beforehand, so only reading differs."""
    routes = APIRouter()

    @routes.post("/photos")
    async def post_photo(request: Request) -> int:
        return len((await read_photo(request)).raw)

    raw = b"\xff\xd8\xff" + bytes(BODY_BYTES)
    request = httpx2.Request("POST", "http://x/", files={"photo": ("p.jpg", raw, "image/jpeg")})
    form, media = request.read(), request.headers["Content-Type"]
    app = create(
        "bench", metrics=Metrics("intake", "api", "v1"), checks={}, routers=[routes], policy=open_to_all(routes)
    )
    async with served(app) as client:

        def send(body: bytes, kind: str) -> Callable[[], Awaitable[httpx2.Response]]:
            return lambda: client.post("/photos", content=body, headers={"Content-Type": kind})

        plain = await _per_second(send(raw, "image/jpeg"))
        in_form = await _per_second(send(form, media))
    return rate("upload of 2 MB as the body itself", plain, in_form, "in a form")


async def _per_second(send: Callable[[], Awaitable[httpx2.Response]]) -> float:
    """Files a second, four at a time."""
    left = FILES

    async def one_after_the_other() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            answer = await send()
            assert answer.text == str(BODY_BYTES + 3), answer.text

    started = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(4)))
    return FILES / (time.perf_counter() - started)
