"""`python -m benchmarks.main [name…]`: starts servers of its own if one needs them, runs the benchmarks, prints one table."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks import accept, consume, grid, latency
from benchmarks.result import Result
from tests.support.stack import Stack, bring_down, bring_up


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What it is called and what it measures: with servers, or `alone` in this process."""

    name: str
    measure: Callable[[Stack], Awaitable[list[Result]]] | None = None
    alone: Callable[[], list[Result]] | None = None


ALL = (
    Benchmark("accept", accept.measure),
    Benchmark("consume", consume.measure),
    Benchmark("latency", latency.measure),
    Benchmark("grid", alone=grid.measure),
)


async def main(names: list[str]) -> None:
    """Run the named benchmarks, all without a name. Exits with 2 on an unknown name."""
    unknown = set(names) - {benchmark.name for benchmark in ALL}
    if unknown:
        sys.exit(f"bench: no such benchmark: {', '.join(sorted(unknown))}")
    chosen = [benchmark for benchmark in ALL if not names or benchmark.name in names]
    results = [result for benchmark in chosen if benchmark.alone for result in benchmark.alone()]
    results += await _with_servers([benchmark.measure for benchmark in chosen if benchmark.measure])
    table = Table("benchmark", "measured", "floor (same run)", "ratio", title="Qianshao", title_justify="left")
    for result in results:
        table.add_row(result.what, result.measured, result.floor, result.ratio)
    Console(width=150).print(table)


async def _with_servers(measures: list[Callable[[Stack], Awaitable[list[Result]]]]) -> list[Result]:
    if not measures:
        return []
    with TemporaryDirectory(prefix="qianshao-bench-") as folder:
        stack = await bring_up(Path(folder))
        try:
            return [result for measure in measures for result in await measure(stack)]
        finally:
            await bring_down(stack)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
