"""What papers are made with: the press, names, and answers that are files."""

from dataclasses import dataclass
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

from fastapi import Path, Response

from services.points.domain.paper import Paper
from services.points.domain.shelf import Words
from services.points.prize_ports import PaperViews, Shelf
from shared.clock import Clock
from shared.web.auth import Principal

Month = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="`2026-11`")]
Quarter = Annotated[str, Path(pattern=r"^20[0-9]{2}-Q[1-4]$", description="`2026-Q4`")]


class Press(Protocol):
    """Prints."""

    async def pdf(self, paper: Paper) -> bytes:
        """Raises `NoFont`."""
        ...


@dataclass(frozen=True, slots=True)
class PaperDesk:
    """What the routes of papers work with. `office` names a sub-district; `rankings`: whether riders may see places."""

    views: PaperViews
    shelf: Shelf
    press: Press
    office: dict[str, Words]
    rankings: bool
    clock: Clock


def prize_names(desk: PaperDesk, caller: Principal) -> dict[str, Words]:
    homes = desk.shelf.homes(caller.subdistrict)
    return {prize.code: prize.name for home in homes for prize in desk.shelf.prizes(home.code)}


def zone_of(desk: PaperDesk, caller: Principal) -> ZoneInfo:
    return desk.shelf.zone(caller.subdistrict)


def office_of(desk: PaperDesk, caller: Principal) -> str:
    words = desk.office[caller.subdistrict]
    return f"{words.zh} {words.en}"


def pdf_file(content: bytes, name: str) -> Response:
    return Response(content, media_type="application/pdf", headers=_named(f"{name}.pdf"))


def csv_file(content: bytes, name: str) -> Response:
    return Response(content, media_type="text/csv; charset=utf-8", headers=_named(f"{name}.csv"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
