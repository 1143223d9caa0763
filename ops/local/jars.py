"""Kafka's jars: exactly those of `deploy/local/jars.sha256`, by name and content, whoever fetches them."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.local.state import REPOSITORY

LIST = REPOSITORY / "deploy/local/jars.sha256"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>cn.qianshao</groupId><artifactId>embedded-kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>"""
_DEPENDENCY = (
    "<dependency><groupId>{0.group}</groupId><artifactId>{0.artifact}</artifactId><version>{0.version}</version>"
    "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"
)


class JarsRefused(RuntimeError):
    """A jar could not be fetched, or is not the one that was committed; the text names it."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the list."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def file(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


Fetch = Callable[[Sequence[Jar], Path], None]
"""Puts the given jars into a folder; may raise anything."""


def listed(text: str) -> list[Jar]:
    """The jars of a list: `<sha256>  <group>:<artifact>:<version>` a line. Raises `ValueError` naming a bad line."""
    found = []
    for line in text.splitlines():
        sha256, _, coordinate = line.partition("  ")
        parts = coordinate.split(":")
        if len(sha256) != 64 or len(parts) != 3:
            raise ValueError(f"jars.sha256: not a jar: {line!r}")
        found.append(Jar(sha256, *parts))
    return found


def faults(jars: Sequence[Jar], folder: Path) -> dict[Jar, str]:
    """Each listed jar that is not right, with the reason. Reads all of them: 43 MB, about 0.05 s."""
    found = {}
    for jar in jars:
        file = folder / jar.file
        if not file.exists():
            found[jar] = "missing"
        elif (actual := hashlib.sha256(file.read_bytes()).hexdigest()) != jar.sha256:
            found[jar] = f"has sha256 {actual}, {jar.sha256} is committed"
    return found


def ensure(folder: Path, fetchers: Sequence[Fetch], jars: Sequence[Jar]) -> list[str]:
    """Bring `folder` to exactly the listed jars; returns the names that were fetched.

    Each fetcher gets what is still missing, in turn. A wrong jar that is already there is refused, not replaced: whoever
    changed it should know. Raises `JarsRefused`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = {jar.file for jar in jars}
    for stray in folder.iterdir():
        if stray.name not in names:  # a jar nobody listed would be on the class path as well
            stray.unlink()
    missing = _missing_only(faults(jars, folder))
    causes = []
    for fetch in fetchers:
        if not (wanted := _missing_only(faults(jars, folder))):
            break
        with TemporaryDirectory(dir=folder.parent) as scratch:
            try:
                fetch(wanted, Path(scratch))
            except Exception as error:  # noqa: BLE001 - whatever stops one fetcher, the next one may do
                causes.append(f"{fetch.__name__}: {error}")
            _adopt(wanted, Path(scratch), folder)
    if remaining := _missing_only(faults(jars, folder)):
        raise JarsRefused(f"could not fetch {', '.join(jar.file for jar in remaining)}: {'; '.join(causes)}")
    return [jar.file for jar in missing]


def _missing_only(found: dict[Jar, str]) -> list[Jar]:
    wrong = [f"{jar.file} {reason}" for jar, reason in found.items() if reason != "missing"]
    if wrong:
        raise JarsRefused("; ".join(wrong))
    return list(found)


def _adopt(wanted: Sequence[Jar], scratch: Path, folder: Path) -> None:
    """Move what was fetched, after a look: what is wrong never reaches the folder the class path points at."""
    wrong = {jar: reason for jar, reason in faults(wanted, scratch).items() if reason != "missing"}
    if wrong:
        raise JarsRefused("; ".join(f"{jar.file} as fetched {reason}" for jar, reason in wrong.items()))
    for jar in wanted:
        if (scratch / jar.file).exists():
            (scratch / jar.file).replace(folder / jar.file)


def by_jgo(jars: Sequence[Jar], folder: Path) -> None:
    """Fetch by exact coordinate, so that jgo resolves nothing: with several roots it silently picks old versions."""
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=folder / "repository", timeout=60)

    def one(jar: Jar) -> None:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        shutil.copyfile(artifact.resolve(), folder / jar.file)

    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(one, jars))


def by_maven(jars: Sequence[Jar], folder: Path) -> None:
    """Fetch by Maven, which knows the mirror of a house that has one. Raises when there is no mvn or it fails."""
    pom = folder / "pom.xml"
    pom.write_text(_POM.format("".join(_DEPENDENCY.format(jar) for jar in jars)))
    command = ["mvn", "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={folder}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if result.returncode != 0:
        raise JarsRefused(f"mvn: {(result.stdout + result.stderr).strip()[-500:]}")


def ensure_listed(folder: Path) -> list[str]:
    """What `./run` and `./test` do: jgo first, since it is always there and faster, then Maven."""
    return ensure(folder, (by_jgo, by_maven), listed(LIST.read_text()))


if __name__ == "__main__":
    from ops.local.state import State, state_folder

    ensure_listed(State.at(state_folder()).jars)
