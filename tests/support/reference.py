"""Reference directories that a test may spoil."""

import shutil
from pathlib import Path

import pytest

from ops.reference.beidajie import DIRECTORY
from shared.reference import Fault, ReferenceInvalid, load

HILLSIDE = Path(__file__).parents[1] / "reference/hillside"
"""The files of a second, tiny sub-district that has nothing in common with the sample."""


def copy_of_sample(folder: Path) -> Path:
    """The sample, to be changed."""
    return Path(shutil.copytree(DIRECTORY, folder / "reference"))


def edit(directory: Path, name: str, old: str, new: str, times: int = 1) -> None:
    """Replace what must be there."""
    path = directory / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, times), encoding="utf-8")


def faults(directory: Path) -> list[Fault]:
    """What is wrong with it; something must be."""
    with pytest.raises(ReferenceInvalid) as refusal:
        load(directory)
    assert refusal.value.faults
    return list(refusal.value.faults)
