"""`python -m shared.contracts.export [--check]`: writes what is made from the models, or says which file is stale."""

import hashlib
import json
import sys
from pathlib import Path

from shared.contracts.asyncapi import document, to_yaml
from shared.contracts.golden import SAMPLES, short
from shared.contracts.pages import events_page
from shared.contracts.schemas import EVENTS, schema_of

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
RELEASED = SAMPLES / "released.sha256"


def generated() -> dict[Path, str]:
    """Every generated file with what it has to contain."""
    schemas = {
        SCHEMAS / f"{short(event.TYPE)}.json": json.dumps(schema_of(event), ensure_ascii=False, indent=2) + "\n"
        for event in EVENTS
    }
    head = "# Made by `python -m shared.contracts.export`; do not edit.\n"
    return {
        **schemas,
        ROOT / "docs" / "asyncapi.yaml": head + to_yaml(document()),
        ROOT / "docs" / "events.md": events_page(),
    }


def stale(files: dict[Path, str]) -> list[str]:
    """One line per generated file that is missing, different or left over."""
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    left_over = [path for path in SCHEMAS.glob("*.json") if path not in files]
    return [f"{path.relative_to(ROOT)}: is stale, run python -m shared.contracts.export" for path in wrong + left_over]


def released(folder: Path = SAMPLES) -> dict[str, str]:
    """The samples that are out: sha256 by path within the folder."""
    listed = folder / RELEASED.name
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return {path: digest for digest, path in (line.split("  ") for line in lines)}


def broken_promises(folder: Path = SAMPLES) -> list[str]:
    """One line per sample that was changed or removed after its release."""
    now = _digests(folder)
    return [
        f"{path}: is released and must stay as it was; write a new sample instead"
        for path, digest in released(folder).items()
        if now.get(path) != digest
    ]


def main(arguments: list[str]) -> int:
    """Exit status. A changed sample stops both ways; new ones are listed as released when writing."""
    if problems := broken_promises():
        return _say(problems)
    listing = "".join(f"{digest}  {path}\n" for path, digest in _digests(SAMPLES).items())
    files = {**generated(), RELEASED: listing}
    if "--check" in arguments:
        return _say(stale(files))
    for path in SCHEMAS.glob("*.json"):
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(folder.glob("*/*.json"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _say(problems: list[str]) -> int:
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
