"""A font that has Chinese: the one that the settings name, or the first known one of this machine."""

from pathlib import Path
from typing import Final

from shared.errors import Refused

PACKAGES: Final = "fonts-wqy-zenhei or fonts-wqy-microhei"

FOLDERS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
NAMES: Final = (
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "simhei.ttf",
    "msyh.ttc",
)
"""The best first. TrueType outlines only: those of OpenType fonts (Noto CJK) cannot be embedded. Fallback fonts such as Droid
Sans Fallback have no Latin letters."""


class NoFont(Refused):
    """Nothing can be printed here until an operator has installed a font."""

    status = 503
    code = "no-font"
    retry_after_seconds = 3600


def find_font(chosen: Path | None, folders: tuple[Path, ...] = FOLDERS) -> Path | None:
    """`chosen`, or the first known font, or None. Raises `ValueError` naming a chosen file that is not there."""
    if chosen is not None:
        if not chosen.is_file():
            raise ValueError(f"QIANSHAO_FONT: there is no file {chosen}")
        return chosen
    found = {path.name: path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*.tt[fc]"))}
    return next((found[name] for name in NAMES if name in found), None)


def wanted_font(found: Path | None) -> Path:
    """Raises `NoFont` saying what to install."""
    if found is None:
        raise NoFont(f"no Chinese font on this machine: install {PACKAGES}, or set QIANSHAO_FONT to a TrueType file")
    return found
