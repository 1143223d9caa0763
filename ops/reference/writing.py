"""Into a reference directory: what would come of it first, then all files or none that are half-written."""

from collections.abc import Mapping
from pathlib import Path

from shared.reference.files import Fault, ReferenceInvalid, read
from shared.reference.load import examine


def faults_with(directory: Path, made: Mapping[str, bytes]) -> list[Fault]:
    """What would be wrong with the directory if it held these files."""
    try:
        examine({**read(directory), **made})
    except ReferenceInvalid as refusal:
        return list(refusal.faults)
    return []


def write(directory: Path, made: Mapping[str, bytes]) -> None:
    """Every file whole: written beside its place first, then put there. Raises `OSError`."""
    waiting = {}
    try:
        for name, raw in made.items():
            waiting[name] = directory / f".{name}.new"
            waiting[name].write_bytes(raw)
        for name, path in waiting.items():
            path.replace(directory / name)
    finally:
        for path in waiting.values():
            path.unlink(missing_ok=True)
