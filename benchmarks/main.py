"""`python -m benchmarks.main [name…]`: starts servers of its own, runs the benchmarks, prints one table."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks import accept, awards, consume, front, grid, latency, photos, sse
from benchmarks.result import Result
from tests.support.stack import Stack, bring_down, bring_up


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What it is called and what it measures: on servers, or `within` this process."""

    name: str
    measure: Callable[[Stack], Awaitable[list[Result]]] | None = None
    within: Callable[[], list[Result]] | None = None


ALL = (
    Benchmark("accept", accept.measure),
    Benchmark("front", front.measure),
    Benchmark("awards", awards.measure),
    Benchmark("consume", consume.measure),
    Benchmark("latency", latency.measure),
    Benchmark("sse", sse.measure),
    Benchmark("grid", within=grid.measure),
    Benchmark("photos", within=photos.measure),
)


async def main(names: list[str]) -> None:
    """Run the named benchmarks, all without a name. Exits with 2 on an unknown name."""
    unknown = set(names) - {benchmark.name for benchmark in ALL}
    if unknown:
        sys.exit(f"bench: no such benchmark: {', '.join(sorted(unknown))}")
    table = Table("benchmark", "measured", "floor (same run)", "ratio", title="Qianshao", title_justify="left")
    for benchmark in ALL:
        if not names or benchmark.name in names:
            for result in await _alone(benchmark):
                table.add_row(result.what, result.measured, result.floor, result.ratio)
    Console(width=150).print(table)


async def _alone(benchmark: Benchmark) -> list[Result]:
    """On servers of its own: what one leaves on a topic, the next one's services would work off."""
    if benchmark.within:
        return benchmark.within()
    assert benchmark.measure
    with TemporaryDirectory(prefix="qianshao-bench-") as folder:
        stack = await bring_up(Path(folder))
        try:
            return await benchmark.measure(stack)
        finally:
            await bring_down(stack)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
