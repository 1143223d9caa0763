"""The Java client, compiled and run against the embedded broker: it plays the whole conformance suite, as the others do."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.conformance.__main__ import examine
from ops.local import jars, toolchain
from ops.local.state import REPOSITORY
from tests.support.sandboxes import sandbox
from tests.support.stack import Stack

CLIENT = REPOSITORY / "kit/clients/java"
SOURCE = CLIENT / "src/main/java/cn/qianshao/kit/Subscriber.java"
_DEPENDENCY = re.compile(
    r"<dependency>\s*<groupId>(.+)</groupId>\s*<artifactId>(.+)</artifactId>\s*<version>(.+)</version>\s*</dependency>"
)


def test_its_pom_asks_for_the_versions_that_are_tested_here() -> None:
    wanted = set(_DEPENDENCY.findall((CLIENT / "pom.xml").read_text()))
    tested = {(jar.group, jar.artifact, jar.version) for jar in jars.listed(jars.LIST.read_text())}
    assert len(wanted) == 2
    assert wanted <= tested


def test_it_is_one_class_of_fewer_than_150_lines_and_the_guide_names_it() -> None:
    assert len(SOURCE.read_text().splitlines()) < 150
    assert str(CLIENT.relative_to(REPOSITORY)) in (REPOSITORY / "docs/department-guide.md").read_text()


@pytest.mark.slow
async def test_it_passes_the_conformance_suite(stack: Stack, tmp_path: Path) -> None:
    classes = await asyncio.to_thread(compiled, stack, tmp_path)
    java = toolchain.find(tmp_path / "lib").java
    command = f"{java} -Xmx128m -cp {classes}:{stack.state.jars}/* cn.qianshao.kit.Subscriber"
    async with sandbox(stack, "conform-java") as department:
        assert await examine(department, command) == []


def compiled(stack: Stack, folder: Path) -> Path:
    """The classes. Needs a JDK; `.ci/run` brings one."""
    javac = shutil.which("javac")
    assert javac, "no javac: apt-get install default-jdk-headless"
    command = [javac, "--release", "17", "-Xlint:all", "-Werror", "-cp", f"{stack.state.jars}/*", "-d", str(folder)]
    result = subprocess.run([*command, str(SOURCE)], capture_output=True, text=True, check=False, timeout=180)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder
