"""Finding a micro-grid: the index against asking every polygon in turn, for one sub-district and for a hundred."""

import gc
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from benchmarks.result import Result
from ops.reference.beidajie import DIRECTORY
from shared.geo.grid import GridIndex
from shared.reference.load import load

SUBDISTRICTS = 100
"""Ten by ten copies of the sample beside each other: a district of 32,100 micro-grids."""

APART_DEG = 0.03
LOOKUPS, NAIVE_LOOKUPS = 20_000, 40
SEED = 321

Tiles = list[tuple[str, BaseGeometry]]
Locate = Callable[[float, float], object]


def measure() -> list[Result]:
    """Microseconds a lookup, milliseconds to build, memory. Points are all over the area, some of them outside."""
    sample = load(DIRECTORY)
    one = [(code, it) for code, it in sample.grid.polygons.items() if sample.places[code].kind == "residential"]
    return [result for tiles in (one, _copies(one)) for result in _results(tiles)]


def _copies(tiles: Tiles) -> Tiles:
    return [
        (
            f"{100_000_000 + number:09d}{code[9:]}",
            affinity.translate(it, number % 10 * APART_DEG, number // 10 * APART_DEG),
        )
        for number in range(SUBDISTRICTS)
        for code, it in tiles
    ]


def _results(tiles: Tiles) -> list[Result]:
    west, south, east, north = shapely.total_bounds([it for _, it in tiles])
    random = Random(SEED)  # noqa: S311 - repeatable points, not a secret
    points = [(random.uniform(west, east), random.uniform(south, north)) for _ in range(LOOKUPS)]
    index, seconds, kilobytes = _build(tiles)
    quick = _lookup(index.locate, points)
    naive = _lookup(_one_after_the_other(tiles), points[:NAIVE_LOOKUPS])
    many = f"{len(tiles):,} micro-grids"
    floor = f"{naive * 1e6:,.0f} us (every polygon in turn)"
    return [
        Result(f"grid, {many}: one lookup", f"{quick * 1e6:,.0f} us", floor, f"{naive / quick:,.1f} x"),
        Result(f"grid, {many}: index", f"built in {seconds * 1000:,.0f} ms, {kilobytes:,} kB beside the polygons"),
        Result(f"grid, {many}: polygons", f"{_kilobytes_of(tiles):,} kB of coordinates"),
    ]


def _build(tiles: Tiles) -> tuple[GridIndex, float, int]:
    """The index, how long it took, and what it holds: resident memory, since the tree lives outside Python's heap."""
    gc.collect()
    tracemalloc.start()
    before, started = _resident_kilobytes(), time.perf_counter()
    index = GridIndex(tiles)
    index.locate(0.0, 0.0)  # the tree is built at the first question
    seconds = time.perf_counter() - started
    heap, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return index, seconds, max(_resident_kilobytes() - before, heap // 1024)


def _lookup(locate: Locate, points: list[tuple[float, float]]) -> float:
    """Seconds for one of them."""
    started = time.perf_counter()
    for lng, lat in points:
        locate(lng, lat)
    return (time.perf_counter() - started) / len(points)


def _one_after_the_other(tiles: Tiles) -> Locate:
    def locate(lng: float, lat: float) -> str | None:
        point = shapely.Point(lng, lat)
        return next((code for code, it in tiles if it.covers(point)), None)

    return locate


def _kilobytes_of(tiles: Tiles) -> int:
    return int(shapely.get_num_coordinates([it for _, it in tiles]).sum()) * 16 // 1024


def _resident_kilobytes() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0])
