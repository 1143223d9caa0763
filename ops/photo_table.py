"""`python -m ops.photo_table FOLDER`: what becomes of every file there, as the table in `docs/photos.md`."""

import sys
from pathlib import Path

from services.intake import kinds
from services.intake.photos import Limits, sanitise
from shared.errors import Invalid


def table(folder: Path) -> list[str]:
    """One row for each file. Raises `OSError` if the folder cannot be read."""
    head = ["| file | bytes | outcome | stored | time in EXIF | place in EXIF |", "|---|---|---|---|---|---|"]
    return head + [_row(path) for path in sorted(folder.iterdir()) if path.is_file()]


def _row(path: Path) -> str:
    raw = path.read_bytes()
    try:
        kinds.check_claim(raw, None, path.name)
        photo = sanitise(raw, Limits())
    except Invalid as error:
        return f"| {path.name} | {len(raw):,} | refused: `{error.problem_code}` | - | - | - |"
    place = "-" if photo.gps is None else f"{photo.gps[1]:.3f}, {photo.gps[0]:.3f}"
    taken = "-" if photo.taken_at is None else f"{photo.taken_at:%Y-%m-%d %H:%M}"
    return f"| {path.name} | {len(raw):,} | accepted, {kinds.check(raw)} | {photo.width} x {photo.height} | {taken} | {place} |"


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1]))))
