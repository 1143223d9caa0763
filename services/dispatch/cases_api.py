"""Lists for higher levels over HTTP: the cases of a month, and what they add up to."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, TypeAdapter

from services.dispatch.case_rows import COLUMNS, CaseRow, cells, exported, row_of
from services.dispatch.domain.cases import Case, figures, of_month
from services.dispatch.ports import Cases, Names
from services.dispatch.tables import as_csv, as_xlsx
from shared.clock import Clock
from shared.scope import Scope
from shared.web.auth import Caller

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ROWS = TypeAdapter(list[CaseRow])
_AS_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}, XLSX: {}}}}

Month = Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", description="YYYY-MM, of the deadline")]
Local = Annotated[bool, Query(description="also what is in no standard and never counts for higher levels")]


class Format(StrEnum):
    """As what a list is sent."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class FigureOut(BaseModel):
    """One department and class. `due` = `on_time` + `late` + `open`; returned and excused orders are counted apart."""

    department: str
    name: str
    priority: str
    due: int
    on_time: int
    late: int
    open: int
    returned: int
    excused: int


class FiguresOut(BaseModel):
    """The figures of a month as they stand at `at`."""

    month: str
    at: datetime
    figures: list[FigureOut]


@dataclass(frozen=True, slots=True)
class Books:
    """Where the lists come from."""

    cases: Cases
    names: Names
    clock: Clock

    async def of(self, scope: Scope, month: str, *, local: bool) -> list[Case]:
        """The cases of the month by the clock on the wall of the caller's sub-district."""
        zone = self.names.zone(scope.subdistrict)
        year, number = int(month[:4]), int(month[5:])
        start = datetime(year, number, 1, tzinfo=zone)
        end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
        found = of_month(await self.cases.due(scope, start, end), start, end)
        return found if local else exported(found, self.names)


def router(books: Books) -> APIRouter:
    """The routes; everything they need is handed in."""
    routes = APIRouter(prefix="/v1")

    @routes.get(
        "/cases", response_model=list[CaseRow], responses=_AS_FILES, summary="The cases of a month, by deadline"
    )
    async def get_cases(
        caller: Caller,
        month: Month,
        format_: Annotated[Format, Query(alias="format")] = Format.JSON,
        local: Local = False,
    ) -> Response:
        found = await books.of(caller.scope, month, local=local)
        return await asyncio.to_thread(_written, books.names, caller.scope, found, month, format_)

    @routes.get("/figures", summary="What the cases of a month add up to")
    async def get_figures(caller: Caller, month: Month, response: Response, local: Local = False) -> FiguresOut:
        response.headers["Cache-Control"] = "no-store"
        now, found = books.clock(), await books.of(caller.scope, month, local=local)
        lines = [FigureOut(name=books.names.department(one.department), **asdict(one)) for one in figures(found, now)]
        return FiguresOut(month=month, at=now, figures=lines)

    return routes


def _written(names: Names, scope: Scope, cases: list[Case], month: str, format_: Format) -> Response:
    """Runs beside the loop: a month of a busy sub-district takes a while to write."""
    rows = [row_of(case, names) for case in cases]
    if format_ is Format.JSON:
        return Response(_ROWS.dump_json(rows), media_type="application/json", headers={"Cache-Control": "no-store"})
    zone = names.zone(scope.subdistrict)
    table = [COLUMNS, *(cells(row, zone) for row in rows)]
    if format_ is Format.CSV:
        return attachment(as_csv(table), "text/csv; charset=utf-8", f"cases-{month}.csv")
    return attachment(as_xlsx(month, table), XLSX, f"cases-{month}.xlsx")


def attachment(content: bytes, media_type: str, name: str) -> Response:
    """A file to keep, never cached."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
