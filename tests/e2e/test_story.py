"""The whole story as `./run --once` plays it: front door, real photo, the department's own subscriber."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from ops.local.state import REPOSITORY, State, state_folder


async def run_once(folder: Path) -> tuple[int, str]:
    """`./run --once` without its installation step, on a state folder of its own."""
    (folder / "jars").symlink_to(State.at(state_folder()).jars)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.main", "up", "--once"),
        cwd=REPOSITORY,
        env={**os.environ, "QIANSHAO_STATE": str(folder), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(200):
            output, _ = await process.communicate()
    except TimeoutError:
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.timeout(240)
async def test_the_story_from_hazard_to_passbook(tmp_path: Path) -> None:
    code, output = await run_once(tmp_path)
    assert code == 0, output
    for words in (
        "the rider uploads a photo",
        "the rider reports",
        "municipal receives the order",
        "municipal accepts",
        "staff see it in progress",
        "after-photo and receipt",
        "municipal reports it done",
        "the rider hears that it is fixed",
        "the points are in the passbook",
        "the rider sees it all",
    ):
        assert re.search(rf"\d\.\d s .*{words}", output), output
